/** Serves the `POST` of a program over HTTP, as Next.js would, and prints the address. */
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'

const { POST } = (await import(pathToFileURL(process.argv[2] ?? '').href)) as { POST: (request: Request) => Promise<Response> }
serve({ fetch: POST, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(`http://127.0.0.1:${port}/`))
