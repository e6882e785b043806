import { defineConfig } from 'tsup'

/** One ESM file for each public entry; declarations come from tsc. `es2024` lowers `await using`, which Node 22 cannot parse. */
export function library(
  entry: Record<string, string>,
  { platform = 'neutral' }: { readonly platform?: 'neutral' | 'node' } = {},
): ReturnType<typeof defineConfig> {
  return defineConfig({ entry, format: 'esm', target: 'es2024', platform, dts: false, clean: true, splitting: true, sourcemap: true })
}
