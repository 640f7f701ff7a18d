// @tus/server on a loopback port of its own, storing below the folder that is its argument.
// Prints "listening on http://…" once it does.

import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [directory] = process.argv.slice(2)
const server = new Server({ path: '/files', datastore: new FileStore({ directory }) })
const listener = server.listen({ host: '127.0.0.1', port: 0 }, () => {
  console.log(`listening on http://127.0.0.1:${listener.address().port}`)
})
process.on('SIGTERM', () => process.exit(0))
