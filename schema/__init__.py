"""What the API says: types, inputs and payloads. How a field is answered is resolvers' business."""
