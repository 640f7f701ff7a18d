import { useEffect, useRef, useState } from 'react';
import { statusWords, visibilityWords } from '~/api/describe';
import type { Sort, VideoFilter } from '~/api/videos';
import { type Status, statuses, type Visibility, visibilities } from '~/api/wire';
import { IconButton } from '~/ui/button';
import { Icon } from '~/ui/icons';
import { Select } from '~/ui/select';
import styles from './toolbar.module.css';
import type { LibraryView } from './video-card';

type ToolbarProps = {
  filter: VideoFilter;
  onFilter: (change: Partial<VideoFilter>) => void;
  view: LibraryView;
  onView: (view: LibraryView) => void;
};

const typingPauseMs = 250;

const statusOptions: { value: Status | 'all'; label: string }[] = [
  { value: 'all', label: 'Any status' },
  ...statuses.map((value) => ({ value, label: statusWords[value] })),
];
const visibilityOptions: { value: Visibility | 'all'; label: string }[] = [
  { value: 'all', label: 'Any visibility' },
  ...visibilities.map((value) => ({ value, label: visibilityWords[value].label })),
];
const sortOptions: { value: Sort; label: string }[] = [
  { value: '-created_at', label: 'Newest first' },
  { value: 'created_at', label: 'Oldest first' },
  { value: 'title', label: 'By title' },
];

export function Toolbar({ filter, onFilter, view, onView }: ToolbarProps) {
  return (
    <search className={styles.toolbar}>
      <SearchField value={filter.q} onChange={(q) => onFilter({ q })} />
      <div className={styles.filters}>
        <Select
          label="Status"
          value={filter.status ?? 'all'}
          options={statusOptions}
          onChange={(status) => onFilter({ status: status === 'all' ? null : status })}
        />
        <Select
          label="Visibility"
          value={filter.visibility ?? 'all'}
          options={visibilityOptions}
          onChange={(next) => onFilter({ visibility: next === 'all' ? null : next })}
        />
        <Select
          label="Order"
          value={filter.sort}
          options={sortOptions}
          onChange={(sort) => onFilter({ sort })}
        />
        <IconButton
          icon={view === 'grid' ? 'list' : 'grid'}
          label={view === 'grid' ? 'Show as a list' : 'Show as a grid'}
          onClick={() => onView(view === 'grid' ? 'list' : 'grid')}
        />
      </div>
    </search>
  );
}

/** Searches when the typing rests, so that every letter does not ask the server. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(onChange);
  latest.current = onChange;

  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text.trim()), typingPauseMs);
    return () => clearTimeout(timer);
  }, [text, value]);
  useEffect(() => {
    function focusOnSlash(event: KeyboardEvent) {
      const target = event.target instanceof HTMLElement ? event.target : null;
      if (event.key !== '/' || event.ctrlKey || event.metaKey) return;
      if (target?.closest('input, textarea, select, [role=dialog]')) return;
      event.preventDefault();
      input.current?.focus();
    }
    document.addEventListener('keydown', focusOnSlash);
    return () => document.removeEventListener('keydown', focusOnSlash);
  }, []);

  return (
    <div className={styles.search}>
      <Icon name="search" size={18} />
      <input
        ref={input}
        type="search"
        aria-label="Search videos"
        aria-keyshortcuts="/"
        placeholder="Search videos"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <kbd>/</kbd>
    </div>
  );
}
