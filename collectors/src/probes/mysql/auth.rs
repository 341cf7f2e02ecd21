//! Proofs that a password is known.

use ring::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::greeting::NONCE;

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    /// `mysql_native_password`
    Native,
    /// `caching_sha2_password`
    CachingSha2,
    /// `unix_socket` or `auth_socket`: the server asks the kernel who it is.
    Socket,
}

impl Plugin {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"mysql_native_password" => Some(Self::Native),
            b"caching_sha2_password" => Some(Self::CachingSha2),
            b"unix_socket" | b"auth_socket" => Some(Self::Socket),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Native => b"mysql_native_password",
            Self::CachingSha2 => b"caching_sha2_password",
            Self::Socket => b"unix_socket",
        }
    }

    /// What proves the password to a server that has sent these bytes. That of no password is empty.
    pub(super) fn proof(self, password: &str, nonce: &[u8; NONCE]) -> Vec<u8> {
        if password.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Native => {
                let sha1 = |parts: &[&[u8]]| digest(&SHA1_FOR_LEGACY_USE_ONLY, parts);
                let once = sha1(&[password.as_bytes()]);
                let twice = sha1(&[once.as_ref()]);
                xor(&once, &sha1(&[nonce, twice.as_ref()]))
            }
            Self::CachingSha2 => {
                let sha256 = |parts: &[&[u8]]| digest(&SHA256, parts);
                let once = sha256(&[password.as_bytes()]);
                let twice = sha256(&[once.as_ref()]);
                xor(&once, &sha256(&[twice.as_ref(), nonce]))
            }
            Self::Socket => Vec::new(),
        }
    }
}

fn digest(algorithm: &'static ring::digest::Algorithm, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(algorithm);
    parts.iter().for_each(|part| context.update(part));
    context.finish()
}

fn xor(one: &Digest, other: &Digest) -> Vec<u8> {
    one.as_ref().iter().zip(other.as_ref()).map(|(one, other)| one ^ other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers check it: the hash that they keep is of the hash that the proof hides.
    #[test]
    fn a_server_that_knows_the_hash_of_the_hash_can_check_the_proof() {
        let nonce = *b"01234567890123456789";
        let stored =
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &[digest(&SHA1_FOR_LEGACY_USE_ONLY, &[b"hush"]).as_ref()]);
        let mask = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[&nonce, stored.as_ref()]);
        let proof = Plugin::Native.proof("hush", &nonce);
        let once: Vec<u8> = proof.iter().zip(mask.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]).as_ref(), stored.as_ref());

        let stored = digest(&SHA256, &[digest(&SHA256, &[b"hush"]).as_ref()]);
        let mask = digest(&SHA256, &[stored.as_ref(), &nonce]);
        let proof = Plugin::CachingSha2.proof("hush", &nonce);
        let once: Vec<u8> = proof.iter().zip(mask.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest(&SHA256, &[&once]).as_ref(), stored.as_ref());
    }

    #[test]
    fn no_password_needs_no_proof() {
        for plugin in [Plugin::Native, Plugin::CachingSha2, Plugin::Socket] {
            assert!(plugin.proof("", &[0; NONCE]).is_empty());
            assert_eq!(Plugin::named(plugin.name()), Some(plugin));
        }
    }
}
