"""Names and passwords that peers may see differently."""

# What the messages' commas and equals signs have to be escaped for.
NAMES = ("user", "a,b", "a=b", "=2C,=3D", "Zoë", "山田")
# One text in two ways: SASLprep (RFC 4013) makes the first of the second.
COMPOSED = "p\u00e9ncil"
DECOMPOSED = "pe\u0301ncil"
