import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { basePath } from '~/api/base-path';
import { sessionQuery } from '~/api/queries';
import { mayBrowse, mayManage } from '~/api/session';
import { usePollMs } from '~/app/live-updates';
import { Failure } from '~/features/library/failure';
import { VideoMenu } from '~/features/library/video-menu';
import { WatchPage } from '~/features/player/watch-page';
import { buttonClass } from '~/ui/button';
import { Notice } from '~/ui/notice';

const route = getRouteApi('/shell/watch/$id');

export function Watch() {
  const { id } = route.useParams();
  const navigate = route.useNavigate();
  const pollMs = usePollMs();
  const session = useQuery(sessionQuery).data;
  const manages = session !== undefined && mayManage(session);

  return (
    <WatchPage
      id={id}
      pollMs={pollMs}
      actions={(video) =>
        manages && <VideoMenu video={video} onDeleted={() => void navigate({ to: '/' })} />
      }
      failure={(video) =>
        manages ? (
          <Failure video={video} />
        ) : (
          <Notice tone="info" title="This video cannot be watched at the moment." />
        )
      }
      missing={
        session && mayBrowse(session) ? (
          <Link to="/" className={buttonClass()}>
            To the library
          </Link>
        ) : (
          <Link to="/login" search={{ next: `${basePath}/watch/${id}` }} className={buttonClass()}>
            Sign in to see more
          </Link>
        )
      }
    />
  );
}
