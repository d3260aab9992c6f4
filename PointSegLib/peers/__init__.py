"""What PointSeg is compared with: optical flow chained over frames, and a U-Net that sees each frame alone."""
