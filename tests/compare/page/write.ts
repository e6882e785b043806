/** Writes docs/side-by-side.md. */
import { writeFileSync } from 'node:fs'
import { pageUrl, sideBySide } from './side-by-side.ts'

writeFileSync(pageUrl, sideBySide())
