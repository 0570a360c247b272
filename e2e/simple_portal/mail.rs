//! The real mail servers behind the face.
