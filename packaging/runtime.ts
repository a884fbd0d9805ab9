/**
 * What Bun's runtime has in it on Linux, with each part's licence (source: LICENSE.md of oven-sh/bun, and process.versions).
 * libuv, which Bun names too, is in it on Windows only.
 */

/** A part: its name, its licence, and the licence's name in SPDX's list where it is one. */
export interface RuntimePart {
  readonly name: string;
  readonly licence: string;
  readonly spdx?: string;
  /** Its name in Bun's process.versions, where Bun tells its version or commit. */
  readonly told?: string;
}

const linked: readonly RuntimePart[] = [
  {
    name: "JavaScriptCore and WebCore of WebKit",
    licence: "LGPL-2 (/usr/share/common-licenses/LGPL-2)",
    spdx: "LGPL-2.0-only",
    told: "webkit",
  },
  { name: "TinyCC", licence: "LGPL-2.1 (/usr/share/common-licenses/LGPL-2.1)", spdx: "LGPL-2.1-only", told: "tinycc" },
  { name: "SQLite", licence: "public domain", spdx: "blessing", told: "sqlite" },
  { name: "BoringSSL", licence: "OpenSSL, SSLeay, ISC and others", told: "boringssl" },
  { name: "Brotli", licence: "Expat", spdx: "MIT" },
  { name: "libarchive", licence: "BSD-2-clause and others", told: "libarchive" },
  { name: "lol-html", licence: "BSD-3-clause", spdx: "BSD-3-Clause", told: "lolhtml" },
  { name: "ls-hpack", licence: "Expat", spdx: "MIT", told: "lshpack" },
  { name: "ls-qpack", licence: "Expat", spdx: "MIT" },
  { name: "lsquic", licence: "Expat, parts BSD-3-clause", spdx: "MIT" },
  { name: "mimalloc", licence: "Expat", spdx: "MIT", told: "mimalloc" },
  { name: "picohttpparser", licence: "Expat", spdx: "MIT", told: "picohttpparser" },
  { name: "zstd", licence: "BSD-3-clause", spdx: "BSD-3-Clause", told: "zstd" },
  { name: "simdutf", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uSockets", licence: "Apache-2.0", spdx: "Apache-2.0", told: "usockets" },
  { name: "uWebSockets", licence: "Apache-2.0", spdx: "Apache-2.0", told: "uwebsockets" },
  { name: "zlib-ng", licence: "Zlib", spdx: "Zlib", told: "zlib" },
  { name: "c-ares", licence: "Expat", spdx: "MIT", told: "ares" },
  { name: "ICU", licence: "Unicode", spdx: "Unicode-3.0", told: "icu" },
  { name: "libbase64", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libdeflate", licence: "Expat", spdx: "MIT", told: "libdeflate" },
  { name: "libjpeg-turbo", licence: "BSD-3-clause, IJG and Zlib" },
  { name: "libspng", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libwebp", licence: "BSD-3-clause", spdx: "BSD-3-Clause" },
  { name: "Highway", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uucode", licence: "Expat", spdx: "MIT" },
  { name: "llhttp", licence: "Expat", spdx: "MIT", told: "llhttp" },
  { name: "libc++abi (thread exit)", licence: "Apache-2.0 with the LLVM exception", spdx: "Apache-2.0 WITH LLVM-exception" },
  { name: "esbuild (parts, translated)", licence: "Expat", spdx: "MIT" },
];

/** The npm packages that stand in for modules of Node.js, all under the same licence. */
const standIns = `acorn acorn-walk assert browserify-zlib buffer constants-browserify crypto-browserify domain-browser events
https-browserify os-browserify path-browserify process punycode querystring-es3 stream-browserify stream-http string_decoder
timers-browserify tty-browserify url util vm-browserify`.split(/\s+/);

/** All that must be named. */
export const runtimeParts: readonly RuntimePart[] = [
  ...linked,
  ...standIns.map((name) => ({ name, licence: "Expat", spdx: "MIT" })),
];
