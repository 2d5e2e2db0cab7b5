"""What training aims at, one file each: told answers, anchors, a teacher that was told, preference."""
