import { visibilityWords } from '~/api/describe';
import { visibilities } from '~/api/wire';
import { Button } from '~/ui/button';
import { LogoArt } from '~/ui/logo';
import { Select } from '~/ui/select';
import styles from './dropzone.module.css';
import { acceptedTypes, FilePicker } from './file-picker';
import { useUploadEngine, useUploads } from './upload-context';

const visibilityOptions = visibilities.map((value) => ({
  value,
  label: visibilityWords[value].label,
  note: visibilityWords[value].meaning,
}));

/** Who may see what is uploaded next. */
export function NewVideoVisibility() {
  const engine = useUploadEngine();
  const { visibility } = useUploads();
  return (
    <Select
      showLabel
      label="New videos are"
      value={visibility}
      options={visibilityOptions}
      onChange={(next) => engine.setVisibility(next)}
    />
  );
}

/** The first thing a new library shows: what to do, and how large the target is. */
export function Dropzone() {
  const engine = useUploadEngine();
  return (
    <section className={styles.zone} aria-labelledby="dropzone-title">
      <LogoArt className={styles.art} />
      <div className={styles.words}>
        <h1 id="dropzone-title">Drop a video anywhere</h1>
        <p>
          Any common recording works: MP4, MOV, MKV, WebM, AVI, MPEG. It plays here as soon as the
          first parts are made, in every size your viewers need.
        </p>
        <div className={styles.actions}>
          <FilePicker accept={acceptedTypes} multiple onFiles={(files) => engine.add(files)}>
            {(open) => (
              <Button variant="primary" icon="upload" onClick={open}>
                Choose videos
              </Button>
            )}
          </FilePicker>
          <NewVideoVisibility />
        </div>
      </div>
    </section>
  );
}
