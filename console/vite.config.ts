import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Everything the page needs is in dist/: no request leaves the penchant server that serves it.
// `npm run dev` forwards API calls to a running server (PENCHANT_URL, default port 7600).
const server = process.env.PENCHANT_URL ?? 'http://127.0.0.1:7600';

export default defineConfig({
  plugins: [svelte()],
  build: { target: 'es2022', cssTarget: 'chrome123', assetsInlineLimit: 0, reportCompressedSize: false },
  server: {
    proxy: Object.fromEntries(['/v1', '/admin', '/version', '/readyz', '/openapi.json'].map((path) => [path, server])),
  },
});
