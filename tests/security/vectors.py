"""Known answers from the standards themselves.  Plain data, so that both runtimes read them."""

RFC_4493_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
_MESSAGE = (
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
# (key, message, MAC): RFC 4493 section 4, SP 800-38B examples for AES-256.
CMAC = (
    (RFC_4493_KEY, "", "bb1d6929e95937287fa37d129b756746"),
    (RFC_4493_KEY, _MESSAGE[:32], "070a16b46b4d4144f79bdd9dd04a287c"),
    (RFC_4493_KEY, _MESSAGE[:80], "dfa66747de9ae63030ca32611497c827"),
    (RFC_4493_KEY, _MESSAGE, "51f0bebf7e3b9d92fc49741779363cfe"),
    (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "",
        "028962f61b7bf89efc6b551f4667d983",
    ),
    (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        _MESSAGE[:80],
        "aaf3d8f1de5640c232f5b169b9c911e6",
    ),
)

# (nonce, associated data, plain, sealed, tag length): SP 800-38C Appendix C, examples 1 to 4.
CCM_KEY = "404142434445464748494a4b4c4d4e4f"
_BYTES = "".join(f"{number:02x}" for number in range(256))
CCM = (
    ("10111213141516", _BYTES[:16], "20212223", "7162015b4dac255d", 4),
    (
        "1011121314151617",
        _BYTES[:32],
        "202122232425262728292a2b2c2d2e2f",
        "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
        6,
    ),
    (
        "101112131415161718191a1b",
        _BYTES[:40],
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
        8,
    ),
    (
        "101112131415161718191a1b1c",
        _BYTES * 256,
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
        "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72"
        "b4ac6bec93e8598e7f0dadbcea5b",
        14,
    ),
)

# X9.24-3 Annex B and its supplement of test vectors: AES-128 keys from an AES-128 base key.
BASE_KEY = "fedcba9876543210f1f1f1f1f1f1f1f1"
INITIAL_KEY_ID = "1234567890123456"
INITIAL_KEY = "1273671ea26ac29afa4d1084127652a1"
# counter: intermediate derivation key
DERIVATION_KEYS = {
    0x00000001: "4f21b565bad9835e112b6465635eae44",
    0x00000002: "2f34d68de10f68d38091a73b9e7c437c",
    0x00000003: "031504e530365cf81264238540518318",
    0x00000004: "0eefc7ada628ba68878da9165a8a1887",
    0x00000005: "c2a7ac328a5da2d6002d62465bfc028b",
    0x00000006: "d30f7d9351da58448a2f5e92b4ee3b7d",
    0x00000007: "a8253ceed9ac042c54f75d35c8352278",
    0x00000008: "718ee6cf0b27e53d5f7af99c4d8146a2",
    0x0001FFFE: "e21e8c8d347f8561a2be752daa85a111",
    0x00020000: "f7ae9025468a25d37b7249cffed224c8",
    0x00020001: "692c8ea4013645135b36497131df9d2c",
    0xFFFE2000: "48e585b694eb0b18d5c35443e163c0ba",
    0xFFFE4000: "396c2c7ca1ea701c03b86b7d41f0c562",
    0xFFFE8000: "0387625f189b58ae03ef0e8cca41105e",
    0xFFFF0000: "f6ba59389bd14a9855be9727e7c52e3c",
}
# counter: PIN encryption, MAC generation, data encryption (encrypt)
WORKING_KEYS = {
    0x00000001: (
        "af8cb133a78f8dc2d1359f18527593fb",
        "a2dc23de6fde0824a2bc321e08e4b8b7",
        "a35c412efd41fdb98b69797c02dcd08f",
    ),
    0x00000002: (
        "d30bdc73ec9714b000bec66bdb7b6d09",
        "484c3b06e8562704528cd5b46fb12fb6",
        "d639514aa33ac43ad9229e433d6d4e5b",
    ),
    0x00000003: (
        "7d69f01f3b45449f62c7816ece723268",
        "a5df7d9d800ca769766f0c77ca4e6e6c",
        "ef17f6ab45b4820c93a3dcb21bc491ad",
    ),
    0x00000004: (
        "91a0588318ec2673214271f70137896e",
        "e6e4679647d8a9057c1fc15537cb4c4e",
        "b3bd44c08bb6ba27c3bb4711d7d70387",
    ),
    0x00000005: (
        "35a43bc9efeb09c756204b57e3fb7d4d",
        "0588185fe1ff8c7e22fad78c1c61f065",
        "ca02df6f30b39e14bd0b4a30e460920f",
    ),
    0x0001FFFE: (
        "ddf7e08a84b5478c498d007c743bf762",
        "6d7623ad652734b8fae1b6e093eace3d",
        "8e4e5d5e0f01c54f01f4aca1c8f8edce",
    ),
    0x00020000: (
        "ab828be7b58c7ec5d5ed0d5d320a0c9d",
        "0b59d3d7d93028d97135fb895cace24e",
        "13361208975755318fe7ae28c9616014",
    ),
}
# usage: working key of counter 1
USAGES = {
    0x1000: "af8cb133a78f8dc2d1359f18527593fb",
    0x2000: "a2dc23de6fde0824a2bc321e08e4b8b7",
    0x2001: "dbb463945b286c07cd3ad82ee96fd9c9",
    0x2002: "85675439d18d7f1158bd8e3eaa3d502b",
    0x3000: "a35c412efd41fdb98b69797c02dcd08f",
    0x3001: "16292c6ea8f64c5420a0584bfbc577be",
    0x3002: "a308e080dd15a1b741f1721bf67de11c",
}

# (password, salt, rounds, derived), all ASCII: the first two RFC 7914 section 11; the others are
# the inputs of RFC 6070 with SHA-256 for SHA-1, as published with many libraries.
PBKDF2 = (
    (
        "passwd",
        "salt",
        1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    ),
    (
        "Password",
        "NaCl",
        80000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
    ),
    ("password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"),
    ("password", "salt", 2, "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"),
    ("password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
    (
        "passwordPASSWORDpassword",
        "saltSALTsaltSALTsaltSALTsaltSALTsalt",
        4096,
        "348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1c635518c7dac47e9",
    ),
    ("pass\0word", "sa\0lt", 4096, "89b69d0516f829893c696226650a8687"),
)
