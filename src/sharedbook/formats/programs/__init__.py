"""What a member's programs read: profiles for Apple's devices, phones, QR codes."""
