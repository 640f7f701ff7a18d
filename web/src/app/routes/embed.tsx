import { getRouteApi } from '@tanstack/react-router';
import { EmbedPage } from '~/features/player/embed-page';

const route = getRouteApi('/embed/$id');

export function Embed() {
  return <EmbedPage id={route.useParams().id} />;
}
