/** A subtitle track that can be shown: one of the browser's, or one that the server has by now. */
export type Subtitles = { readonly id: string; readonly label: string; readonly language: string };

/** What a person chose, in words that another video may have too; null is none. */
export type SubtitleChoice = { label: string; language: string } | null;

export const loadLater = 'later:';

/** How a track is called in the menu: its own name, else that of its language. */
export function subtitleName({ label, language }: Omit<Subtitles, 'id'>): string {
  if (label && label !== language) return label;
  if (!language || language === 'und') return label || 'Subtitles';
  try {
    return new Intl.DisplayNames(undefined, { type: 'language' }).of(language) ?? language;
  } catch {
    return language; // No language tag.
  }
}

/** The track that a choice made elsewhere means here: the same one, else one in its language. */
export function matching(
  tracks: readonly Subtitles[],
  choice: NonNullable<SubtitleChoice>,
): Subtitles | null {
  const spoken = tracks.filter(({ language }) => language === choice.language);
  return spoken.find(({ label }) => label === choice.label) ?? spoken[0] ?? null;
}
