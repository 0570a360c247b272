//! IPA framing, which CTRL and GSUP share: a length of two bytes (big-endian, without itself and the stream), a byte that
//! names the stream, the payload. (libosmo-abis; OsmoHLR User Manual, "Generic Subscriber Update Protocol".)

/// The stream of IPA's own messages: hello, ping.
pub(super) const CCM: u8 = 0xfe;
/// The stream of Osmocom's protocols; the first byte of its payload says which.
pub(super) const OSMO: u8 = 0xee;
/// Osmocom protocol: CTRL.
pub(super) const OSMO_CTRL: u8 = 0x00;
/// Osmocom protocol: GSUP.
pub(super) const OSMO_GSUP: u8 = 0x05;

/// Bytes before the payload.
const HEAD_BYTES: usize = 3;

/// Appends a frame to `out`. All that is sent is short: an HLR resets the connection at 1,200 bytes.
pub(super) fn put(out: &mut Vec<u8>, stream: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.push(stream);
    out.extend_from_slice(payload);
}

/// Takes the first frame off `buffer`: its stream and its payload. `None` while it is not complete.
pub(super) fn take(buffer: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let head = buffer.first_chunk::<HEAD_BYTES>()?;
    let end = HEAD_BYTES + usize::from(u16::from_be_bytes([head[0], head[1]]));
    let stream = head[2];
    let payload = buffer.get(HEAD_BYTES..end)?.to_vec();
    buffer.drain(..end);
    Some((stream, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_its_last_byte_is_there_and_not_before() {
        let mut sent = Vec::new();
        put(&mut sent, OSMO, b"\0GET 1 x");
        assert_eq!(sent[..4], [0, 8, 0xee, 0]);
        put(&mut sent, CCM, &[0]);
        let mut buffer = Vec::new();
        let mut taken = Vec::new();
        for byte in sent {
            buffer.push(byte);
            taken.extend(take(&mut buffer));
        }
        assert_eq!(taken, [(OSMO, b"\0GET 1 x".to_vec()), (CCM, vec![0])]);
        assert!(buffer.is_empty());
    }
}
