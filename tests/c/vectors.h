/*
 * Known answers. SCRAM-SHA-256 is the example of RFC 7677, section 3. There is no RFC for
 * SCRAM-SHA-512: its answers are the same exchange computed by Python's hashlib, and test_c.py
 * computes all of this page anew and compares.
 */
#ifndef VECTORS_H
#define VECTORS_H

#define VECTOR_USER "user"
#define VECTOR_PASSWORD "pencil"
#define VECTOR_CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define VECTOR_SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define VECTOR_SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define VECTOR_SALT_BYTES "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"
#define VECTOR_ITERATIONS 4096

#define VECTOR_CLIENT_FIRST "n,,n=" VECTOR_USER ",r=" VECTOR_CLIENT_NONCE
#define VECTOR_NONCE VECTOR_CLIENT_NONCE VECTOR_SERVER_NONCE
#define VECTOR_SERVER_FIRST "r=" VECTOR_NONCE ",s=" VECTOR_SALT ",i=4096"
#define VECTOR_CLIENT_FINAL_WITHOUT_PROOF "c=biws,r=" VECTOR_NONCE

#define SHA_256_PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SHA_256_SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define SHA_256_STORED_KEY "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6"
#define SHA_256_SERVER_KEY "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5"

/* The same login where the client-final-message doubles the client's nonce, as librdkafka before
 * 2.6.1 does; by hashlib as well. */
#define SHA_256_DOUBLED_PROOF "1Y75+q7XaCGJj/r6vyQWwoNxSzV5ksS8xhp5Lqyriec="
#define SHA_256_DOUBLED_SIGNATURE "3svB0h5EwFJ/+WVn2GpJ5uBzW8HEv9nm1rcYAhYlm0A="

#define SHA_512_PROOF \
  "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
#define SHA_512_SIGNATURE \
  "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="
#define SHA_512_STORED_KEY \
  "e8002e6f7d3ae446119b216933644dc2a2be7869eb918b8459b5e7d7d2ec1260" \
  "6aceef106825cd735170a675fd3611f684affad1dce3f43a0ee43bd590e1dbbe"
#define SHA_512_SERVER_KEY \
  "8d91db6230b5687874fe129bc7206e1858c3ae08e02934f57ac03b6b05a229c4" \
  "59d28ff46f5c9611e6c179256490215ec1ff759cb0df285db89af0f99e613aac"

#endif
