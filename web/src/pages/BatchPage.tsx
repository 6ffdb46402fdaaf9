import { placesOf } from '../api/batchState';
import { useBatchResults } from '../api/useBatchResults';
import { BatchGrid } from '../batch/BatchGrid';
import { BatchStatus } from '../batch/BatchStatus';
import { type BatchActions, useBatchActions } from '../batch/useBatchActions';
import { useElsewhere } from '../batch/useElsewhere';
import { isOver } from '../batch/words';
import { NotFound } from '../studio/NotFound';
import { Button } from '../ui/Button';
import { ErrorNote } from '../ui/ErrorNote';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Rename } from '../ui/Rename';

/** A batch as it fills; whatever comes between, it goes on where it was. */
export default function BatchPage({ id }: { id: string }) {
  const watched = useBatchResults(id);
  const { batch, phase, code, follow } = watched;
  const actions = useBatchActions(id, follow);
  useElsewhere(id, phase === 'ended', follow);
  if (code === 'NOT_FOUND') return <NotFound what="batch" />;
  const failure = phase === 'failed' && (
    <ErrorNote onRetry={follow}>The batch cannot be followed at the moment.</ErrorNote>
  );
  if (!batch) return failure || null;
  const { title } = batch;
  return (
    <Page
      title={title}
      heading={
        <Rename value={title} label="Rename" onSave={actions.rename}>
          <h1>{title}</h1>
        </Rename>
      }
      actions={<Actions status={batch.status} counts={batch.counts} actions={actions} />}
    >
      <BatchStatus batch={batch} connection={watched.connection} isFollowed={phase !== 'ended'} />
      {failure}
      <BatchGrid places={placesOf(watched)} onRetry={actions.retryOne} />
    </Page>
  );
}

interface ActionsProps {
  status: string;
  counts: { failed: number; canceled: number };
  actions: BatchActions;
}

function Actions({ status, counts, actions }: ActionsProps) {
  const { isBusy } = actions;
  const again = counts.failed + counts.canceled;
  return (
    <>
      {again > 0 && status !== 'CANCELING' && (
        <Button busy={isBusy} onClick={actions.retryAll}>
          <Icon name="retry" /> Retry {again.toLocaleString('en')}{' '}
          {counts.failed > 0 ? 'failed' : 'cancelled'}
        </Button>
      )}
      {status === 'PAUSED' && (
        <Button look="primary" busy={isBusy} onClick={actions.resume}>
          <Icon name="play" /> Resume
        </Button>
      )}
      {(status === 'QUEUED' || status === 'RUNNING') && (
        <Button busy={isBusy} onClick={actions.pause}>
          <Icon name="pause" /> Pause
        </Button>
      )}
      {!isOver(status) && status !== 'CANCELING' && (
        <Button look="danger" busy={isBusy} onClick={actions.cancel}>
          <Icon name="stop" /> Cancel
        </Button>
      )}
    </>
  );
}
