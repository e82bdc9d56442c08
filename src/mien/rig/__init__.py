"""The animatable head of one person: shapes, eyes, teeth, joints, quality."""
