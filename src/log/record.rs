//! `TFRecord` framing: `u64` length, `u32` masked checksum of those eight bytes, data, `u32` masked checksum of the
//! data, all little endian. <https://www.tensorflow.org/tutorials/load_data/tfrecord>

/// Bytes before the data.
pub(super) const HEADER: usize = 12;
/// Bytes after the data.
pub(super) const FOOTER: usize = 4;

/// CRC-32C, rotated and shifted, so that a checksum over data that contains checksums stays a good one.
pub(super) fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Appends one record to `out`, its data written by `write` at the end of the buffer; returns the bytes added.
pub(super) fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    write(out);
    let data = start + HEADER;
    let length = ((out.len() - data) as u64).to_le_bytes();
    out[start..start + 8].copy_from_slice(&length);
    out[start + 8..data].copy_from_slice(&masked_crc(&length).to_le_bytes());
    let crc = masked_crc(&out[data..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.len() - start
}

/// Length of the data that follows `header`; none if the header is damaged.
pub(super) fn data_length(header: [u8; HEADER]) -> Option<u64> {
    let [l0, l1, l2, l3, l4, l5, l6, l7, c0, c1, c2, c3] = header;
    let length = [l0, l1, l2, l3, l4, l5, l6, l7];
    (masked_crc(&length) == u32::from_le_bytes([c0, c1, c2, c3])).then(|| u64::from_le_bytes(length))
}

/// The data of `body`, which is the data and its checksum; none if they disagree.
pub(super) fn checked_data(body: &[u8]) -> Option<&[u8]> {
    let (data, crc) = body.split_last_chunk::<FOOTER>()?;
    (masked_crc(data) == u32::from_le_bytes(*crc)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, appendix B.4.
    #[test]
    fn crc_matches_the_vectors_of_iscsi() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c::crc32c(&ascending), 0x46dd_794e);
        assert_eq!(crc32c::crc32c(&descending), 0x113f_db5c);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    /// Header of the first record of a file that tensorboardX wrote: 24 bytes of data.
    #[test]
    fn header_matches_a_real_file() {
        let header = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22];
        assert_eq!(data_length(header), Some(24));
        let mut out = vec![7];
        assert_eq!(append(&mut out, |out| out.extend_from_slice(&[1; 24])), HEADER + 24 + FOOTER);
        assert_eq!(out[1..13], header);
        assert_eq!(checked_data(&out[13..]), Some([1; 24].as_slice()));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut out = Vec::new();
        append(&mut out, |out| out.extend_from_slice(b"brain.Event:2"));
        for bit in 0..out.len() * 8 {
            let mut flipped = out.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (header, body) = flipped.split_first_chunk::<HEADER>().unwrap();
            assert_eq!(data_length(*header).is_none(), bit < HEADER * 8);
            assert_eq!(checked_data(body).is_none(), bit >= HEADER * 8);
        }
        assert_eq!(checked_data(&[1, 2, 3]), None);
    }
}
