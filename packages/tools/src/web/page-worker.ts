/** The program of the worker that converts one page. It imports nothing of this project's other packages. */
import { parentPort, workerData } from 'node:worker_threads'
import { htmlPage } from './html-page.ts'
import type { PageText, PageWork } from './page-text.ts'
import { pdfPage } from './pdf-page.ts'

async function convert(work: PageWork): Promise<PageText> {
  return work.kind === 'pdf' ? pdfPage(work.bytes) : htmlPage(work.html, work.url, work.format)
}

parentPort?.postMessage(await convert(workerData as PageWork))
