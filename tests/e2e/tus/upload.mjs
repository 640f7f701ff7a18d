// Uploads a file with stock tus-js-client.
//   node upload.mjs --url http://127.0.0.1:8080/files --file clip.bin [--parallel 3]
//     [--chunk-bytes N] [--with-creation] [--override] [--deferred] [--protocol ietf-draft-05]
// Prints one line of JSON: {"location", "offset_at_resume"}. Exit 1 when the upload failed.

import { createReadStream, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { parseArgs } from 'node:util'
import { DefaultHttpStack, Upload } from 'tus-js-client'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    file: { type: 'string' },
    parallel: { type: 'string' },
    'chunk-bytes': { type: 'string' },
    'with-creation': { type: 'boolean' },
    override: { type: 'boolean' },
    deferred: { type: 'boolean' },
    protocol: { type: 'string' },
  },
})

/** What the client reads from. Of a file it asks the length; a stream's it cannot know ahead. */
function source() {
  // Of the last of several pieces of a file 4.3.1 says Upload-Complete: ?0, of a buffer's ?1.
  if (values.protocol) return readFileSync(values.file)
  const file = createReadStream(values.file)
  return values.deferred ? file.pipe(new PassThrough()) : file
}

let offsetAtResume = null
const upload = new Upload(source(), {
  endpoint: values.url,
  httpStack: new DefaultHttpStack({}),
  protocol: values.protocol ?? 'tus-v1',
  uploadLengthDeferred: Boolean(values.deferred),
  chunkSize: Number(values['chunk-bytes'] ?? (values.deferred || values.parallel ? 5e6 : Infinity)),
  parallelUploads: Number(values.parallel ?? 1),
  uploadDataDuringCreation: Boolean(values['with-creation']),
  overridePatchMethod: Boolean(values.override),
  metadata: { filename: 'clip.mp4' },
  retryDelays: [0, 100, 300, 1000],
  onAfterResponse: (request, response) => {
    if (request.getMethod() === 'HEAD') offsetAtResume = Number(response.getHeader('Upload-Offset'))
  },
  onError: (error) => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: () => {
    const path = new URL(upload.url).pathname
    console.log(JSON.stringify({ location: path, offset_at_resume: offsetAtResume }))
    process.exit(0)
  },
})
upload.start()
