/** The program of the process that converts one page. It imports nothing of this project's other packages. */
import { endWithParent } from '../end-with-parent.ts'
import { htmlPage } from './html-page.ts'
import type { PageText, PageWork } from './page-text.ts'
import { pdfPage } from './pdf-page.ts'

async function convert(work: PageWork): Promise<PageText> {
  // The channel makes a Buffer of bytes, which the library refuses.
  return work.kind === 'pdf' ? pdfPage(new Uint8Array(work.bytes)) : htmlPage(work.html, work.url, work.format)
}

endWithParent()
process.once('message', (work) => {
  void convert(work as PageWork).then((text) => process.send?.(text))
})
