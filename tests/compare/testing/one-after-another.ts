/** Runs the programs that it is given in one process, one after the other: most of their time goes into loading the same packages. */
import { pathToFileURL } from 'node:url'

for (const path of process.argv.slice(2)) await import(pathToFileURL(path).href)
