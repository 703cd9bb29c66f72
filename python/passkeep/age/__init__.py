"""age v1: header, stanzas, keys and armor. The payload is the native core's."""
