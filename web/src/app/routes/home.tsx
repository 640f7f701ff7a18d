import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { sessionQuery } from '~/api/queries';
import { mayManage } from '~/api/session';
import type { VideoFilter } from '~/api/videos';
import { usePollMs } from '~/app/live-updates';
import { LibraryPage } from '~/features/library/library-page';
import { Dropzone } from '~/features/upload/dropzone';
import styles from './home.module.css';

const route = getRouteApi('/shell/');

export function Home() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const pollMs = usePollMs();
  const session = useQuery(sessionQuery).data;
  const manages = session !== undefined && mayManage(session);
  const filter: VideoFilter = {
    q: search.q ?? '',
    status: search.status ?? null,
    visibility: search.visibility ?? null,
    sort: search.sort ?? '-created_at',
  };

  function change(part: Partial<VideoFilter>) {
    const next = { ...filter, ...part };
    void navigate({
      replace: true,
      resetScroll: false,
      search: {
        ...(next.q && { q: next.q }),
        ...(next.status && { status: next.status }),
        ...(next.visibility && { visibility: next.visibility }),
        ...(next.sort !== '-created_at' && { sort: next.sort }),
      },
    });
  }

  return (
    <>
      <title>StreamForge</title>
      <LibraryPage
        filter={filter}
        onFilter={change}
        pollMs={pollMs}
        manages={manages}
        empty={manages ? <Dropzone /> : <NothingYet />}
      />
    </>
  );
}

/** For those who may only watch. */
function NothingYet() {
  return (
    <section className={styles.nothing}>
      <h1>Nothing here yet</h1>
      <p>Videos appear here as soon as someone uploads one.</p>
    </section>
  );
}
