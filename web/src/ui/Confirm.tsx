import type { ReactNode } from 'react';
import { Button } from './Button';
import { Dialog, DialogActions } from './Dialog';

interface ConfirmProps {
  title: string;
  /** What will be done, on the button that does it. */
  action: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  children: ReactNode;
}

/** Before what cannot be undone. The way back has the focus. */
export function Confirm({ title, action, open, onClose, onConfirm, children }: ConfirmProps) {
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <p>{children}</p>
      <DialogActions>
        <Button data-first onClick={onClose}>
          Keep it
        </Button>
        <Button look="danger" onClick={onConfirm}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
