import { useState } from 'react';

export type Theme = 'auto' | 'light' | 'dark';

const storageKey = 'sf.theme';

function readTheme(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

function writeTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === 'auto') {
    delete dataset.theme;
    localStorage.removeItem(storageKey);
  } else {
    dataset.theme = theme;
    localStorage.setItem(storageKey, theme);
  }
}

/** The chosen theme; public/theme.js applies it before the first paint of the next visit. */
export function useTheme() {
  const [theme, setTheme] = useState(readTheme);
  return [
    theme,
    (next: Theme) => {
      writeTheme(next);
      setTheme(next);
    },
  ] as const;
}
