/** A process that opens a page, tells its parent the id of Chromium, and waits to be killed. */
import { BrowserStage } from './browser-stage.ts'

const stage = await BrowserStage.open()
await stage.use({ action: 'navigate', url: process.argv[2] ?? '' })
process.stdout.write(`${stage.pid}\n`)
