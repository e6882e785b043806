// Names of downloads, as a server may suggest them.
import { expect, it } from 'vitest'
import { safeName } from './transfers.ts'

it.each([
  ['report.pdf', 'report.pdf'],
  ['../../.bashrc', 'bashrc'],
  ['..\\..\\boot.ini', 'boot.ini'],
  ['/etc/passwd', 'passwd'],
  ['.', 'download'],
  ['', 'download'],
  ['...', 'download'],
  ['a\u0000b\u202etxt.exe', 'a_b_txt.exe'],
  ['con.txt', '_con.txt'],
  ['LPT1', '_LPT1'],
  [`${'x'.repeat(500)}.txt`, `${'x'.repeat(120)}.txt`],
  ['name. . ', 'name'],
  ['Übung 1 (neu).docx', 'Übung 1 (neu).docx'],
  ['$(rm -rf).sh', '_(rm -rf).sh'],
])('%j is saved as %j', (suggested, name) => expect(safeName(suggested)).toBe(name))
