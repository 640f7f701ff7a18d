import { type ReactElement, useEffect, useRef } from 'react';
import { Button } from '~/ui/button';
import { useUploadEngine } from './upload-context';

/** What the system's dialog offers first; anything can still be chosen, the server looks inside. */
export const acceptedTypes = 'video/*,.mkv,.flv,.ts,.mts,.m2ts,.avi,.ogv,.mpg,.mpeg,.wmv';

type FilePickerProps = {
  accept?: string;
  multiple?: boolean;
  onFiles: (files: File[]) => void;
  children: (open: () => void) => ReactElement;
};

/** A hidden file input and whatever opens it. */
export function FilePicker({ accept, multiple = false, onFiles, children }: FilePickerProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        aria-label="Choose videos"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
      {children(() => input.current?.click())}
    </>
  );
}

/** The button in the header: chooses files and uploads them. */
export function UploadButton() {
  const engine = useUploadEngine();
  useEffect(() => engine.prepare(), [engine]);
  return (
    <FilePicker accept={acceptedTypes} multiple onFiles={(files) => engine.add(files)}>
      {(open) => (
        <Button variant="primary" icon="upload" onClick={open}>
          Upload
        </Button>
      )}
    </FilePicker>
  );
}
