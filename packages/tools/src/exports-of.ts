/** What a library in the old format (CommonJS) exports, wherever this package is bundled. */

/** Returns what was imported under its names. Of a library in the old format, a bundle in several files has the default alone; `name` is one that it exports. */
export function exportsOf<T extends object>(loaded: T, name: keyof T): T {
  return name in loaded ? loaded : (loaded as { readonly default: T } & T).default
}
