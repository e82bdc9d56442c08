"""Samples of the face database in memory: deterministic, the same in every batch."""

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.database.augment import clean_transferred, offset_neutral, transfer_tone
from mien.database.sampler import Sampler
from mien.synth.skin.expressed import strain_in
from mien.synth.subject import draw_subject

RESOLUTION = 256


@pytest.fixture(scope="module")
def sampler():
    return Sampler(4, RESOLUTION, keep=2)


def test_a_sample_has_the_same_bits_in_every_batch(sampler):
    indices = [9, 26 * 3 + 17, 0]
    together = sampler.batch(indices)
    assert together["geometry"].shape == (3, RESOLUTION, RESOLUTION, 3)
    assert together["albedo"].shape == (3, 256, 256, 3)
    assert together["albedo"].dtype == np.uint8
    fresh = Sampler(4, RESOLUTION, keep=1)
    for place in (2, 0, 1):
        alone = fresh.batch(indices[place : place + 1])
        for name, values in together.items():
            np.testing.assert_array_equal(alone[name][0], values[place], err_msg=name)


def test_a_sample_says_who_and_what_it_is(sampler):
    one = sampler.batch([26 + 9])
    person = draw_subject(4, 1)
    assert one["age"][0] == np.float32(person.age)
    assert (one["subject"][0], one["expression"][0]) == (1, 9)
    assert one["code"][0].sum() == 2.0  # a smile of both sides
    neutral = sampler.batch([26])
    assert not neutral["offset"].any()
    np.testing.assert_array_equal(one["geometry"][0], neutral["geometry"][0] + one["offset"][0])


def test_dynamic_maps_are_the_expressions_own(sampler):
    dynamic = Sampler(4, RESOLUTION, keep=1, maps="all")
    smile = dynamic.batch([26 + 9])
    kept = dynamic.subject(1)
    strain = strain_in(kept.bound.head.skin, dynamic.maker.expression(kept.bound, smile["code"][0]))
    np.testing.assert_array_equal(smile["albedo"][0], kept.skin.albedo_in(strain))
    np.testing.assert_array_equal(smile["displacement"][0], kept.skin.displacement_in(strain))
    plain = sampler.batch([26 + 9])
    np.testing.assert_array_equal(kept.albedo, plain["albedo"][0])
    assert (smile["albedo"][0] != kept.albedo).any()
    assert "displacement" not in plain
    with pytest.raises(MienError, match="expected one of albedo, dynamic, all"):
        Sampler(4, RESOLUTION, maps="some")


def test_geometry_images_decode_to_the_head(sampler):
    kept = sampler.subject(1)
    image = sampler.codec.decode(kept.neutral)
    truth = kept.bound.head.skin - sampler.maker.heads.basis.mean
    face = sampler.maker.template.part("face").vertices
    seen = sampler.maker.template.regions["cheek_left"][face] > 0.5
    assert np.abs(image[face][seen] - truth[face][seen]).max() < 0.5e-3


def test_tone_goes_over_and_what_is_fine_stays():
    rng = np.random.default_rng(0)
    own = np.clip(150 + 12 * rng.standard_normal((64, 64, 3)), 0, 255).astype(np.uint8)
    other = np.full((64, 64, 3), (90, 60, 45), np.uint8)
    moved = transfer_tone(own, other)
    np.testing.assert_allclose(moved.reshape(-1, 3).mean(axis=0), (90, 60, 45), atol=6)
    assert moved.std() > 3  # own detail
    np.testing.assert_array_equal(transfer_tone(own, own), own)


def test_clean_up_takes_speckles_out_and_leaves_the_rest():
    picture = np.full((64, 64, 3), 0.4, np.float32)
    picture[10:12, 20:22] = (1.4, 0.1, 0.9)
    done = clean_transferred(picture, np.full_like(picture, 0.4))
    assert np.abs(done - 0.4).max() < 0.15
    smooth = np.linspace(0.2, 0.6, 64, dtype=np.float32)[None, :, None] * np.ones((64, 1, 3), np.float32)
    np.testing.assert_allclose(clean_transferred(smooth, smooth), smooth, atol=1e-6)


def test_small_offsets_on_neutrals_are_small_and_differ(sampler):
    kept = sampler.subject(0)
    one, weights = offset_neutral(sampler.maker, kept.bound, np.random.default_rng(1))
    other, _ = offset_neutral(sampler.maker, kept.bound, np.random.default_rng(2))
    face = sampler.maker.template.part("face").vertices
    assert 0.0 < np.abs(weights).max() <= 0.5
    assert not np.array_equal(one, other)
    assert np.linalg.norm(one[face], axis=1).max() < 12e-3
