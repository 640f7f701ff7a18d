import { getRouteApi } from '@tanstack/react-router';
import type { VideoFilter } from '~/api/videos';
import { usePollMs } from '~/app/live-updates';
import { LibraryPage } from '~/features/library/library-page';
import { Dropzone } from '~/features/upload/dropzone';

const route = getRouteApi('/shell/');

export function Home() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const pollMs = usePollMs();
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
      <LibraryPage filter={filter} onFilter={change} pollMs={pollMs} empty={<Dropzone />} />
    </>
  );
}
