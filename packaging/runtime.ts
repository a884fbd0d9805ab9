/**
 * The parts of Bun's runtime on Linux, with their licences (sources: LICENSE.md of oven-sh/bun, and process.versions). libuv,
 * which Bun lists too, is a part on Windows only.
 */

/** A part: its name, its licence, and the SPDX identifier of the licence if it has one. */
export interface RuntimePart {
  readonly name: string;
  readonly licence: string;
  readonly spdx?: string;
  /** Its key in process.versions, if Bun gives its version or commit. */
  readonly versionKey?: string;
}

const linked: readonly RuntimePart[] = [
  {
    name: "JavaScriptCore and WebCore of WebKit",
    licence: "LGPL-2 (/usr/share/common-licenses/LGPL-2)",
    spdx: "LGPL-2.0-only",
    versionKey: "webkit",
  },
  { name: "TinyCC", licence: "LGPL-2.1 (/usr/share/common-licenses/LGPL-2.1)", spdx: "LGPL-2.1-only", versionKey: "tinycc" },
  { name: "SQLite", licence: "public domain", spdx: "blessing", versionKey: "sqlite" },
  { name: "BoringSSL", licence: "OpenSSL, SSLeay, ISC and others", versionKey: "boringssl" },
  { name: "Brotli", licence: "Expat", spdx: "MIT" },
  { name: "libarchive", licence: "BSD-2-clause and others", versionKey: "libarchive" },
  { name: "lol-html", licence: "BSD-3-clause", spdx: "BSD-3-Clause", versionKey: "lolhtml" },
  { name: "ls-hpack", licence: "Expat", spdx: "MIT", versionKey: "lshpack" },
  { name: "ls-qpack", licence: "Expat", spdx: "MIT" },
  { name: "lsquic", licence: "Expat, parts BSD-3-clause", spdx: "MIT" },
  { name: "mimalloc", licence: "Expat", spdx: "MIT", versionKey: "mimalloc" },
  { name: "picohttpparser", licence: "Expat", spdx: "MIT", versionKey: "picohttpparser" },
  { name: "zstd", licence: "BSD-3-clause", spdx: "BSD-3-Clause", versionKey: "zstd" },
  { name: "simdutf", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uSockets", licence: "Apache-2.0", spdx: "Apache-2.0", versionKey: "usockets" },
  { name: "uWebSockets", licence: "Apache-2.0", spdx: "Apache-2.0", versionKey: "uwebsockets" },
  { name: "zlib-ng", licence: "Zlib", spdx: "Zlib", versionKey: "zlib" },
  { name: "c-ares", licence: "Expat", spdx: "MIT", versionKey: "ares" },
  { name: "ICU", licence: "Unicode", spdx: "Unicode-3.0", versionKey: "icu" },
  { name: "libbase64", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libdeflate", licence: "Expat", spdx: "MIT", versionKey: "libdeflate" },
  { name: "libjpeg-turbo", licence: "BSD-3-clause, IJG and Zlib" },
  { name: "libspng", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libwebp", licence: "BSD-3-clause", spdx: "BSD-3-Clause" },
  { name: "Highway", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uucode", licence: "Expat", spdx: "MIT" },
  { name: "llhttp", licence: "Expat", spdx: "MIT", versionKey: "llhttp" },
  { name: "libc++abi (thread exit)", licence: "Apache-2.0 with the LLVM exception", spdx: "Apache-2.0 WITH LLVM-exception" },
  { name: "esbuild (parts, translated)", licence: "Expat", spdx: "MIT" },
];

/** The npm packages that replace modules of Node.js, all under the same licence. */
const standIns = `acorn acorn-walk assert browserify-zlib buffer constants-browserify crypto-browserify domain-browser events
https-browserify os-browserify path-browserify process punycode querystring-es3 stream-browserify stream-http string_decoder
timers-browserify tty-browserify url util vm-browserify`.split(/\s+/);

/** All parts. */
export const runtimeParts: readonly RuntimePart[] = [
  ...linked,
  ...standIns.map((name) => ({ name, licence: "Expat", spdx: "MIT" })),
];
