import { defineConfig } from "vitest/config";

// Stable file names: the built files are committed and listed by hand in embed.rs.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    outDir: process.env.SPANREEL_DIST ?? "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      input: { app: "index.html" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
  server: { port: 5173, proxy: { "/api": "http://127.0.0.1:7771" } },
  test: { include: ["src/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
});
