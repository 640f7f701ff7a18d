import { BufferingIndicator, PlayButton, StatusAnnouncer } from '@videojs/react';
import { Icon } from '~/ui/icons';
import styles from './overlay.module.css';
import type { PlaybackProblem } from './playback';

type OverlayProps = {
  making: boolean;
  waitingForPart: boolean;
  problem: PlaybackProblem | null;
  onRetry: () => void;
};

/** What lies over the picture: the large play button, waiting, and what went wrong. */
export function Overlay({ making, waitingForPart, problem, onRetry }: OverlayProps) {
  if (problem) {
    return (
      <div className={styles.problem} role="alert">
        <Icon name="warning" size={32} />
        <p>{problem.message}</p>
        <p className={styles.hint}>{problem.hint}</p>
        <button type="button" className={styles.again} onClick={onRetry}>
          Try again
        </button>
      </div>
    );
  }
  return (
    <>
      <StatusAnnouncer />
      <BufferingIndicator
        className={styles.waiting}
        render={(props, state) => (
          <div {...props}>
            {state.visible && <span className={styles.spinner} />}
            {state.visible && waitingForPart && (
              <p role="status">
                {making ? 'This part is being made right now…' : 'Waiting for the server…'}
              </p>
            )}
          </div>
        )}
      />
      <PlayButton
        render={(props, state) => (
          <button {...props} className={styles.big} hidden={state.started} tabIndex={-1}>
            <Icon name="play" size={40} />
          </button>
        )}
      />
    </>
  );
}
