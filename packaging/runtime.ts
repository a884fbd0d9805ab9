/** What Bun's runtime has linked into it on Linux, with each part's licence (source: LICENSE.md of oven-sh/bun). */

/** A part: its name, its licence, and the licence's name in SPDX's list where it is one. */
export interface RuntimePart {
  readonly name: string;
  readonly licence: string;
  readonly spdx?: string;
}

/** All that must be named. Versions are Bun's to pin: none is told apart here. */
export const runtimeParts: readonly RuntimePart[] = [
  { name: "JavaScriptCore and WebCore of WebKit", licence: "LGPL-2 (/usr/share/common-licenses/LGPL-2)", spdx: "LGPL-2.0-only" },
  { name: "TinyCC", licence: "LGPL-2.1 (/usr/share/common-licenses/LGPL-2.1)", spdx: "LGPL-2.1-only" },
  { name: "SQLite", licence: "public domain", spdx: "blessing" },
  { name: "BoringSSL", licence: "OpenSSL, SSLeay, ISC and others" },
  { name: "Brotli", licence: "Expat", spdx: "MIT" },
  { name: "libarchive", licence: "BSD-2-clause and others" },
  { name: "lol-html", licence: "BSD-3-clause", spdx: "BSD-3-Clause" },
  { name: "ls-hpack", licence: "Expat", spdx: "MIT" },
  { name: "ls-qpack", licence: "Expat", spdx: "MIT" },
  { name: "lsquic", licence: "Expat, parts BSD-3-clause", spdx: "MIT" },
  { name: "mimalloc", licence: "Expat", spdx: "MIT" },
  { name: "picohttpparser", licence: "Expat", spdx: "MIT" },
  { name: "zstd", licence: "BSD-3-clause", spdx: "BSD-3-Clause" },
  { name: "simdutf", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uSockets", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uWebSockets", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "zlib-ng", licence: "Zlib", spdx: "Zlib" },
  { name: "c-ares", licence: "Expat", spdx: "MIT" },
  { name: "ICU", licence: "Unicode", spdx: "Unicode-3.0" },
  { name: "libbase64", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libdeflate", licence: "Expat", spdx: "MIT" },
  { name: "libjpeg-turbo", licence: "BSD-3-clause, IJG and Zlib" },
  { name: "libspng", licence: "BSD-2-clause", spdx: "BSD-2-Clause" },
  { name: "libwebp", licence: "BSD-3-clause", spdx: "BSD-3-Clause" },
  { name: "Highway", licence: "Apache-2.0", spdx: "Apache-2.0" },
  { name: "uucode", licence: "Expat", spdx: "MIT" },
];
