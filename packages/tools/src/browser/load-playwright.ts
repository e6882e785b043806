/** Loads the library that drives the browser, and finds the browser: both only when a page is opened for the first time. */
import { access, constants, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import type { BeamClawError } from '@beamclaw/core'
import type { BrowserType } from 'playwright-core'
import { exportsOf } from '../exports-of.ts'
import { browserUnavailable } from './browser-errors.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'] as const
const macPaths = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
] as const

/** Resolves with the launcher. Rejects `browser-unavailable` where the package is not installed. */
export async function loadPlaywright(): Promise<BrowserType> {
  try {
    const { chromium } = exportsOf(await import('playwright-core'), 'chromium')
    return chromium
  } catch (error) {
    throw notInstalled(error)
  }
}

/** Throws `browser-unavailable` where the package is not installed. Does not load it. */
export function findPlaywright(): void {
  try {
    createRequire(import.meta.url).resolve('playwright-core')
  } catch (error) {
    throw notInstalled(error)
  }
}

function notInstalled(cause: unknown): BeamClawError {
  const advice = 'Install it where this program is installed: npm install playwright-core, with --global for a global one.'
  return browserUnavailable(`the package "playwright-core" cannot be loaded. ${advice}`, cause)
}

/** Resolves with the path of Chromium: the one that is given, else the first on the path. Rejects `browser-unavailable`. */
export async function findChromium(given: string | undefined): Promise<string> {
  if (given !== undefined) {
    if (await isProgram(given)) return given
    throw browserUnavailable(`${JSON.stringify(given)} (option executablePath) is not a program. Give the path of Chromium.`)
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'))
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  for (const path of [...candidates, ...(process.platform === 'darwin' ? macPaths : [])]) if (await isProgram(path)) return path
  throw browserUnavailable('there is no Chromium on the path. Install it (on Debian: apt-get install chromium), or give executablePath.')
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
