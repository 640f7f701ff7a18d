// Uploads a file with stock tus-js-client, cutting the connection on the way if asked to.
//   node upload.mjs --url http://127.0.0.1:8080/files --file clip.bin [--cut 0.6] [--parallel 3]
//     [--chunk-bytes N] [--with-creation] [--override] [--deferred] [--protocol ietf-draft-05]
// Prints one line of JSON: {"location", "offset_at_resume", "cuts"}. Exit 1 when the upload failed.

import { createReadStream, readFileSync, statSync } from 'node:fs'
import net from 'node:net'
import { PassThrough } from 'node:stream'
import { parseArgs } from 'node:util'
import { DefaultHttpStack, Upload } from 'tus-js-client'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    file: { type: 'string' },
    cut: { type: 'string' },
    parallel: { type: 'string' },
    'chunk-bytes': { type: 'string' },
    'with-creation': { type: 'boolean' },
    override: { type: 'boolean' },
    deferred: { type: 'boolean' },
    protocol: { type: 'string' },
  },
})

/** A TCP proxy that breaks the connection once, after `bytes` have gone through to the server. */
function cuttingProxy(target, bytes) {
  const state = { passed: 0, cuts: 0 }
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    client.on('data', (piece) => {
      state.passed += piece.length
      if (state.cuts === 0 && state.passed > bytes) {
        state.cuts += 1
        end()
      } else if (!upstream.write(piece)) {
        client.pause()
        upstream.once('drain', () => client.resume())
      }
    })
    upstream.pipe(client)
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ state, port: server.address().port, server }))
  })
}

const size = statSync(values.file).size
const target = new URL(values.url)
const proxy = values.cut ? await cuttingProxy(target, size * Number(values.cut)) : null
const endpoint = new URL(target)
if (proxy) endpoint.port = String(proxy.port)

/** What the client reads from. Of a file it asks the length; a stream's it cannot know ahead. */
function source() {
  // Of the last of several pieces of a file 4.3.1 says Upload-Complete: ?0, of a buffer's ?1.
  if (values.protocol) return readFileSync(values.file)
  const file = createReadStream(values.file)
  return values.deferred ? file.pipe(new PassThrough()) : file
}

let offsetAtResume = null
const upload = new Upload(source(), {
  endpoint: endpoint.href,
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
    console.log(
      JSON.stringify({
        location: path,
        offset_at_resume: offsetAtResume,
        cuts: proxy?.state.cuts ?? 0,
      }),
    )
    process.exit(0)
  },
})
upload.start()
