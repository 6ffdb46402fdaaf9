import { Link } from '../router/router';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Page } from '../ui/Page';

/** For an address without a page, and for what is not there to be seen. */
export function NotFound({ what = 'page' }: { what?: string }) {
  const action = (
    <Link to="/history" className={buttonClass()}>
      Look in the history
    </Link>
  );
  return (
    <Page title="Not found">
      <EmptyState title={`There is no such ${what}`} action={action}>
        It may have been deleted, or belong to somebody else.
      </EmptyState>
    </Page>
  );
}
