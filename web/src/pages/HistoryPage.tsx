import { BatchList } from '../history/BatchList';
import { FilterBar } from '../history/FilterBar';
import { addressOf, filtersIn, NO_FILTERS } from '../history/filters';
import { ImageGrid } from '../history/ImageGrid';
import { Link, useSearch } from '../router/router';
import { buttonClass } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';

export default function HistoryPage() {
  const [search] = useSearch();
  const filters = filtersIn(search.toString());
  const { show, trash } = filters;
  const other = (
    <Link
      to={`/history${addressOf({ ...NO_FILTERS, show, trash: !trash })}`}
      className={buttonClass('quiet')}
    >
      <Icon name={trash ? 'left' : 'trash'} /> {trash ? 'Back to the history' : 'Trash'}
    </Link>
  );
  return (
    <Page title={trash ? 'Trash' : 'History'} actions={other}>
      <FilterBar filters={filters} />
      {show === 'batches' ? <BatchList filters={filters} /> : <ImageGrid filters={filters} />}
    </Page>
  );
}
