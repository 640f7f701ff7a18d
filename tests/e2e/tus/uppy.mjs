// Uploads a file with stock Uppy.
//   node uppy.mjs --url http://127.0.0.1:8080/files --file clip.bin
// Prints one line of JSON: {"location", "offset_at_resume"}. Exit 1 when the upload failed.

import { createReadStream } from 'node:fs'
import { parseArgs } from 'node:util'
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'

const { values } = parseArgs({ options: { url: { type: 'string' }, file: { type: 'string' } } })

let offsetAtResume = null
const uppy = new Uppy()
uppy.use(Tus, {
  endpoint: values.url,
  onAfterResponse: (request, response) => {
    if (request.getMethod() === 'HEAD') offsetAtResume = Number(response.getHeader('Upload-Offset'))
  },
})
// Where Uppy has a File in a browser, tus-js-client takes a stream of a file in Node.
uppy.addFile({ name: 'clip.mp4', type: 'video/mp4', data: createReadStream(values.file) })
const { successful, failed } = await uppy.upload()
for (const file of failed) console.error(String(file.error))
if (successful.length !== 1) process.exit(1)
const location = new URL(successful[0].uploadURL).pathname
console.log(JSON.stringify({ location, offset_at_resume: offsetAtResume }))
process.exit(0)
