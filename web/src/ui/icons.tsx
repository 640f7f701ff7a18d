import type { ReactNode } from 'react';

/** Our own line icons on a 24-unit grid; decorative always, the control beside them carries the name. */
const paths = {
  upload: <path d="M12 16V4m-5 5 5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3" />,
  search: (
    <>
      <circle cx="11" cy="11" r="6.5" />
      <path d="m16 16 4.5 4.5" />
    </>
  ),
  more: (
    <g fill="currentColor" stroke="none">
      <circle cx="5.5" cy="12" r="1.6" />
      <circle cx="12" cy="12" r="1.6" />
      <circle cx="18.5" cy="12" r="1.6" />
    </g>
  ),
  close: <path d="m6 6 12 12M18 6 6 18" />,
  check: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  chevronDown: <path d="m6 9.5 6 6 6-6" />,
  play: <path d="M8 5.2v13.6L19 12z" fill="currentColor" strokeLinejoin="round" />,
  pause: (
    <g fill="currentColor" stroke="none">
      <rect x="6.5" y="5" width="4" height="14" rx="1" />
      <rect x="13.5" y="5" width="4" height="14" rx="1" />
    </g>
  ),
  replay: <path d="M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4 4v4.5h4.5" />,
  retry: <path d="M19.5 12a7.5 7.5 0 1 1-2.4-5.5M20 4v4.5h-4.5" />,
  edit: (
    <path d="m14.5 5.5 4 4M4.5 19.5l1-4.5L15.6 4.9a1.4 1.4 0 0 1 2 0l1.5 1.5a1.4 1.4 0 0 1 0 2L9 18.5z" />
  ),
  trash: <path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5m4-5v5" />,
  link: (
    <path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1" />
  ),
  code: <path d="m8.5 7-5 5 5 5m7-10 5 5-5 5" />,
  grid: (
    <>
      <rect x="4" y="4" width="6.5" height="6.5" rx="1" />
      <rect x="13.5" y="4" width="6.5" height="6.5" rx="1" />
      <rect x="4" y="13.5" width="6.5" height="6.5" rx="1" />
      <rect x="13.5" y="13.5" width="6.5" height="6.5" rx="1" />
    </>
  ),
  list: <path d="M4 6.5h16M4 12h16M4 17.5h16" />,
  sun: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 2.5v2m0 15v2M2.5 12h2m15 0h2M5.3 5.3l1.4 1.4m10.6 10.6 1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4" />
    </>
  ),
  moon: <path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />,
  auto: (
    <>
      <circle cx="12" cy="12" r="8" />
      <path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor" />
    </>
  ),
  user: (
    <>
      <circle cx="12" cy="8.5" r="3.8" />
      <path d="M4.5 20c.8-3.8 3.7-5.5 7.5-5.5s6.7 1.7 7.5 5.5" />
    </>
  ),
  globe: (
    <>
      <circle cx="12" cy="12" r="8" />
      <path d="M4 12h16M12 4c2.4 2.3 3.5 5 3.5 8s-1.1 5.7-3.5 8c-2.4-2.3-3.5-5-3.5-8S9.6 6.3 12 4z" />
    </>
  ),
  lock: (
    <>
      <rect x="5" y="10.5" width="14" height="9.5" rx="1.5" />
      <path d="M8.5 10.500V8a3.5 3.5 0 0 1 7 0v2.5" />
    </>
  ),
  warning: <path d="M12 4.5 3.5 19.500h17zM12 10v4.500m0 2.300v.2" />,
  info: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 11v5.500m0-9v.2" />
    </>
  ),
  log: <path d="M5 4.500h14v15H5zM8.5 9h7m-7 3.500h7m-7 3.500h4" />,
  up: <path d="m6 14.5 6-6 6 6" />,
  volume: (
    <path d="M4 9.500v5h3.500l4.5 4v-13l-4.5 4zM15.5 9a4 4 0 0 1 0 6m2.5-8.500a7.5 7.5 0 0 1 0 11" />
  ),
  volumeLow: <path d="M4 9.500v5h3.500l4.5 4v-13l-4.5 4zM15.5 9a4 4 0 0 1 0 6" />,
  muted: <path d="M4 9.500v5h3.500l4.5 4v-13l-4.5 4zM16 9.500l5 5m0-5-5 5" />,
  fullscreen: <path d="M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5" />,
  exitFullscreen: <path d="M9 4v5H4m16 0h-5V4m0 16v-5h5M4 15h5v5" />,
  pip: (
    <>
      <rect x="3.5" y="5" width="17" height="14" rx="1.5" />
      <rect x="12" y="11.5" width="6" height="4.5" rx=".6" fill="currentColor" />
    </>
  ),
  captions: (
    <>
      <rect x="3.5" y="5.5" width="17" height="13" rx="2" />
      <path d="M10.5 10.500a2 2 0 1 0 0 3m6.5-3a2 2 0 1 0 0 3" />
    </>
  ),
  signOut: <path d="M10 4.500H5.500v15H10M15 8l4 4-4 4m4-4H9.5" />,
  offline: (
    <path d="M4 4.5 20 20M8.5 15.500a5 5 0 0 1 7 0M5.5 12a9.5 9.5 0 0 1 4-2.300m5-.1A9.5 9.5 0 0 1 18.5 12M12 19v.1" />
  ),
  file: <path d="M6 3.500h8l4.5 4.500v12.500H6zM13.5 4v4.500H18" />,
  keyboard: (
    <>
      <rect x="3" y="6.5" width="18" height="11" rx="1.5" />
      <path d="M7 10.500v.1m3.3-.1v.1m3.4-.1v.1m3.3-.1v.1M8 14h8" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof paths;

type IconProps = { name: IconName; size?: number; className?: string | undefined };

export function Icon({ name, size = 20, className }: IconProps) {
  return (
    <svg
      aria-hidden="true"
      className={className}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      focusable="false"
    >
      {paths[name]}
    </svg>
  );
}
