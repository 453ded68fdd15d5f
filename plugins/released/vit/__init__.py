"""Released weights of transformers for re-identification: TransReID's, DMT's and CLIP-ReID's."""
