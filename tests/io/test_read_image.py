"""Every kind of image file comes out as it is stored, or says why it does not."""

import os
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.io import savemat

from sklearn_spx import SLICSuperpixels
from sklearn_spx.io import read_image, read_labels

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (12, 14, 3), dtype=np.uint8)
GRAY = RGB[:, :, 0]
DEEP = RNG.integers(0, 65536, (12, 14, 3), dtype=np.uint16)


def refused(path, words, **how):
    with pytest.raises(ValueError) as caught:
        read_image(path, **how)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message


def deep_png(path, array, *chunks):
    """Write 16-bit colours, which Pillow cannot; ``chunks`` are (name, data) of others."""
    kind = {2: 4, 3: 2, 4: 6}[array.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        pixels = (b"IDAT", zlib.compress(rows))
        for name, data in ((b"IHDR", head), *chunks, pixels, (b"IEND", b"")):
            crc = struct.pack(">I", zlib.crc32(name + data))
            file.write(struct.pack(">I", len(data)) + name + data + crc)


# --- Pillow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "webp"])
def test_colours_come_as_they_are(tmp_path, ending):
    Image.fromarray(RGB).save(tmp_path / f"a.{ending}", lossless=True)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{ending}"), RGB)


@pytest.mark.parametrize(
    ("array", "ending"),
    [(GRAY, "png"), (DEEP[:, :, 0], "png"), (DEEP[:, :, 0], "tif"), (GRAY, "pgm")],
)
def test_gray_keeps_its_depth(tmp_path, array, ending):
    Image.fromarray(array).save(tmp_path / f"a.{ending}")
    found = read_image(str(tmp_path / f"a.{ending}"))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_photographs_stand_upright(tmp_path, orientation, ending):
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8], upright[:8, 8:], upright[8:, :8] = 250, 150, 80
    Image.fromarray(upright).save(tmp_path / "upright.png")
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    path = tmp_path / f"a.{ending}"
    if ending == "tif":
        tifffile.imwrite(path, stored, extratags=[(274, "H", 1, orientation, True)])
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    found = read_image(path)
    assert found.shape == (16, 24)
    assert np.abs(found.astype(int) - upright).max() < 12


def test_palettes_cmyk_and_one_bit(tmp_path):
    palette = Image.fromarray(RGB).convert("P")
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), np.array(palette.convert("RGB")))
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "c.jpg", quality=100)
    assert read_image(tmp_path / "c.jpg").shape == RGB.shape
    Image.fromarray(GRAY > 99).save(tmp_path / "bit.png")
    np.testing.assert_array_equal(read_image(tmp_path / "bit.png"), (GRAY > 99) * np.uint8(255))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_dropped_where_opaque_and_refused_elsewhere(tmp_path, mode):
    image = Image.fromarray(RGB).convert(mode)
    image.save(tmp_path / "a.png")
    expected = np.array(image)[:, :, :-1].squeeze()
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)
    image.putpixel((0, 0), (9,) * (len(mode) - 1) + (0,))
    image.save(tmp_path / "a.png")
    refused(tmp_path / "a.png", "1 of 168 pixels are transparent")
    with pytest.raises(ValueError) as caught:
        read_image(tmp_path / "a.png")
    scope = {}
    exec(str(caught.value).split("behind them: ")[1], scope)  # the line works
    assert scope["image"].shape == RGB.shape
    assert scope["image"][0, 0].tolist() == [255] * 3


def test_a_palette_with_a_transparent_colour(tmp_path):
    palette = Image.fromarray(RGB).convert("P")
    palette.save(tmp_path / "a.png", transparency=palette.getpixel((0, 0)))
    refused(tmp_path / "a.png", "are transparent")


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_deep_colour_png_is_read_whole(tmp_path, channels):
    pytest.importorskip("cv2")
    path, image = tmp_path / "a.png", np.concatenate([DEEP, DEEP[:, :, :1]], 2)[:, :, :channels]
    if channels != 3:
        image[:, :, -1] = 65535
    deep_png(path, image)
    assert np.array(Image.open(path)).dtype == np.uint8  # what Pillow would do
    expected = {2: image[:, :, 0], 3: image, 4: image[:, :, :3]}[channels]
    found = read_image(path)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read_image(path, page="all"), [expected])
    refused(path, "there is no page=1", page=1)
    if channels != 3:
        image[3, 4, -1] = 9
        deep_png(path, image)
        refused(path, "1 of 168 pixels are transparent")


def test_deep_colour_png_stands_upright_and_whole(tmp_path):
    pytest.importorskip("cv2")
    path, exif = tmp_path / "a.png", Image.Exif()
    exif[274] = 6
    deep_png(path, DEEP, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    np.testing.assert_array_equal(read_image(path), np.rot90(DEEP, -1))
    deep_png(path, DEEP, (b"tRNS", DEEP[0, 0].astype(">u2").tobytes()))
    refused(path, "are transparent")
    deep_png(path, DEEP)
    path.write_bytes(path.read_bytes()[:-400])
    refused(path, "truncated")


def test_deep_colour_png_without_opencv(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    deep_png(tmp_path / "a.png", DEEP)
    refused(tmp_path / "a.png", "16-bit colours, which Pillow cuts to 8 bits")
    refused(tmp_path / "a.png", "pip install 'sklearn-spx[opencv]'")


def test_a_transparent_gray_level_of_16_bits(tmp_path):
    Image.fromarray(DEEP[:, :, 0]).save(tmp_path / "a.png", transparency=int(DEEP[0, 0, 0]))
    refused(tmp_path / "a.png", "are transparent")
    other = next(v for v in range(65536) if not (DEEP[:, :, 0] == v).any())
    Image.fromarray(DEEP[:, :, 0]).save(tmp_path / "a.png", transparency=other)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), DEEP[:, :, 0])


@pytest.mark.parametrize("brightest", [65535, 4095, 300, 100])
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_ppm_and_pgm_of_any_brightest_value(tmp_path, kind, brightest):
    path = tmp_path / "a.ppm"
    array = (DEEP if kind in ("P3", "P6") else DEEP[:, :, 0]).astype(int) % (brightest + 1)
    array[0, 0] = brightest
    data = array.astype(">u2" if brightest > 255 else np.uint8).tobytes()
    if kind in ("P2", "P3"):
        data = " ".join(map(str, array.ravel())).encode()
    head = f"{kind} # a note, 3 4 5\n14\t12\n# another\n{brightest}\n".encode()
    path.write_bytes(head + data)
    found, full = read_image(path), 255 if brightest < 256 else 65535
    assert found.dtype == (np.uint8 if brightest < 256 else np.uint16)
    np.testing.assert_array_equal(found, np.round(array * (full / brightest)))
    np.testing.assert_array_equal(read_image(path, page="all"), found[None])
    if kind in ("P2", "P5"):
        np.testing.assert_array_equal(read_labels(path), array)  # ids are not brightness
    path.write_bytes(head + data[: len(data) // 2])
    refused(path, "is cut short")
    refused(path, "there is no page=2", page=2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"P5 2 2 300\n" + b"\xff" * 8, "holds values from 65535 to 65535; its own limit is 300"),
        (b"P2 2 2 300\n1 2 3 -4", "holds values from -4"),
        (b"P2 2 2 300\n1 2 3 x", "x"),
        (b"P5 2 2 70000\n" + b"\0" * 8, "brightest value 70000"),
        (b"P5 0 2 300\n", "no pixels"),
        (b"P6 2 two 300\n", "broken header"),
        (b"P6 999999 999999 300\n", "MAX_IMAGE_PIXELS"),
    ],
)
def test_broken_ppm_and_pgm(tmp_path, content, words):
    (tmp_path / "a.ppm").write_bytes(content)
    refused(tmp_path / "a.ppm", words)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_of_an_animation_a_frame_is_chosen(tmp_path, ending):
    frames = [Image.new("RGB", (14, 12), c) for c in ("#ff0000", "#00ff00", "#0000ff")]
    path = tmp_path / f"a.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    refused(path, 'holds 3 frames; choose one by page=0 to page=2, or all of them by page="all"')
    assert read_image(path, page=1)[0, 0].tolist() == [0, 255, 0]
    assert read_image(path, page=-1)[0, 0].tolist() == [0, 0, 255]
    assert read_image(path, page="all").shape == (3, 12, 14, 3)
    refused(path, "there is no page=3", page=3)


def test_previews_in_a_phone_picture_are_no_frames(tmp_path):
    path = tmp_path / "phone.jpg"
    preview = Image.new("RGB", (7, 6))
    Image.fromarray(RGB).save(path, "MPO", save_all=True, append_images=[preview])
    assert read_image(path).shape == RGB.shape


def test_a_truncated_jpeg_is_an_error(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(RNG.integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    refused(path, "truncated")


def test_image_bombs(tmp_path, monkeypatch):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    for limit in (100, 60):  # for Pillow a warning, and an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.warns() if limit == 100 else pytest.MonkeyPatch.context():
            refused(tmp_path / "a.png", "MAX_IMAGE_PIXELS")
    refused(tmp_path / "a.tif", "has 168 pixels, more than the 60")
    np.savez_compressed(tmp_path / "a.npz", np.zeros((40, 40)))
    refused(tmp_path / "a.npz", "array 'arr_0' has 1600 values")
    savemat(tmp_path / "a.mat", {"x": np.zeros((40, 40))})
    refused(tmp_path / "a.mat", "variable 'x' has 1600 values")


# --- TIFF --------------------------------------------------------------------------------------


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [3, 7])
def test_tiff_keeps_depth_and_bands(tmp_path, planar, dtype, bands):
    image = RNG.integers(0, 200, (12, 14, bands)).astype(dtype)
    stored = image if planar == "contig" else np.moveaxis(image, -1, 0)
    photometric = "rgb" if bands == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric, planarconfig=planar)
    found = read_image(tmp_path / "a.tif")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "tiff_deflate", "packbits"])
def test_compressed_tiff(tmp_path, compression):
    Image.fromarray(GRAY).save(tmp_path / "a.tif", compression=compression)
    with Image.open(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.array(image))


@pytest.mark.parametrize("error", [ValueError("needs imagecodecs"), ImportError("no zstd")])
def test_a_tiff_that_needs_another_package_names_it(tmp_path, monkeypatch, error):
    def unpack(self):
        raise error

    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="rgb")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", unpack)
    refused(tmp_path / "a.tif", "pip install imagecodecs")


def test_tiled_and_big_endian_tiff(tmp_path):
    large = np.tile(DEEP, (4, 4, 1))
    how = {"photometric": "rgb", "tile": (16, 16), "byteorder": ">", "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", large, **how)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), large)


def test_nan_in_a_tiff_is_what_is_stored(tmp_path):
    image = GRAY.astype(np.float32)
    image[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", image)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), image)
    with pytest.raises(ValueError, match="holds 1 values that are NaN"):
        SLICSuperpixels(4).fit_transform([read_image(tmp_path / "a.tif")])


def test_tiff_of_other_colours(tmp_path):
    palette = Image.fromarray(RGB).convert("P")
    palette.save(tmp_path / "p.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "p.tif"), np.array(palette.convert("RGB")))
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "c.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "c.tif"), RGB)
    Image.fromarray(GRAY > 99).save(tmp_path / "bit.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "bit.tif"), (GRAY > 99) * np.uint8(255))
    tifffile.imwrite(tmp_path / "w.tif", GRAY, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "w.tif"), 255 - GRAY)
    tifffile.imwrite(tmp_path / "lab.tif", RGB, photometric="cielab")
    refused(tmp_path / "lab.tif", "photometric interpretation CIELAB")


def test_alpha_in_tiff(tmp_path):
    deep = np.concatenate([DEEP, np.full((12, 14, 1), 65535, np.uint16)], axis=2)
    how = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", deep, **how)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), DEEP)
    deep[3, 4, 3] = 0
    tifffile.imwrite(tmp_path / "a.tif", deep, **how)
    refused(tmp_path / "a.tif", "1 of 168 pixels are transparent")


def test_of_several_pages_one_is_chosen_or_all(tmp_path):
    path = tmp_path / "a.tif"
    stack = np.stack([GRAY, GRAY // 2, GRAY // 3])
    tifffile.imwrite(path, stack, photometric="minisblack")
    refused(path, "holds 3 pages; choose one by page=0 to page=2")
    np.testing.assert_array_equal(read_image(path, page=2), stack[2])
    np.testing.assert_array_equal(read_image(path, page="all"), stack)
    with tifffile.TiffWriter(path) as file:
        file.write(GRAY)
        file.write(RGB, photometric="rgb")
    refused(path, "page 1 (12, 14, 3)", page="all")
    np.testing.assert_array_equal(read_image(path, page=1), RGB)
    with pytest.raises(TypeError, match="page must be"):
        read_image(path, page=1.0)


def test_an_imagej_stack_of_one_page_is_a_stack(tmp_path):
    path = tmp_path / "a.tif"
    stack = np.stack([GRAY, GRAY // 2, GRAY // 3])
    tifffile.imwrite(path, stack, imagej=True, truncate=True)
    refused(path, "holds 3 pages")
    np.testing.assert_array_equal(read_image(path, page=1), stack[1])


def test_thumbnails_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(RGB, photometric="rgb", subifds=0)
        file.write(RGB[::2, ::2], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), RGB)


# --- NumPy and MATLAB --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [">u2", "<f4", "i8", "?"])
def test_npy_comes_in_native_order(tmp_path, dtype):
    np.save(tmp_path / "a.npy", GRAY.astype(dtype))
    found = read_image(tmp_path / "a.npy")
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(found, GRAY.astype(dtype))


def test_npz_and_mat_hold_one_image_or_name_it(tmp_path):
    save = {"npz": lambda path, arrays: np.savez(path, **arrays), "mat": savemat}
    for ending, write in save.items():
        path = tmp_path / f"a.{ending}"
        write(path, {"x": RGB})
        np.testing.assert_array_equal(read_image(path), RGB)
        write(path, {"x": GRAY, "image": RGB})
        np.testing.assert_array_equal(read_image(path), RGB)
        write(path, {"x": GRAY, "z": RGB})
        refused(path, "holds the arrays 'x', 'z'; accepted is one, or one that is called 'image'")
        refused(path, "is for TIFF and animations", page=0)
    savemat(tmp_path / "a.mat", {"text": "abc", "cube": DEEP})
    np.testing.assert_array_equal(read_image(tmp_path / "a.mat"), DEEP)
    savemat(tmp_path / "a.mat", {"text": "abc"})
    refused(tmp_path / "a.mat", "holds no numeric array")


@pytest.mark.parametrize(
    "array", [np.zeros(5), np.zeros((3, 4), complex), np.zeros((0, 4)), np.zeros((2, 3, 4, 5))]
)
def test_arrays_that_are_no_image(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", f"holds an array of shape {array.shape}")


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", "holds an array of Python objects")
    np.savez(tmp_path / "a.npz", x=np.array([[{}]], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npz", "Python objects")


# --- whatever else a name may stand for --------------------------------------------------------


def test_content_decides_not_the_name(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", format="PNG")
    tifffile.imwrite(tmp_path / "b.png", DEEP, photometric="rgb")
    with open(tmp_path / "c.tif", "wb") as file:
        np.save(file, DEEP)
    for name, expected in (("a.jpg", RGB), ("b.png", DEEP), ("c.tif", DEEP)):
        np.testing.assert_array_equal(read_image(tmp_path / name), expected)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", b"", "is empty"),
        ("a.png", b"broken", "cannot be identified as an image"),
        ("a.mat", b"broken", "is a broken .mat"),
        ("a.mat", b"MATLAB 7.3 MAT-file" + b" " * 105 + b"\0\2IM", "7.3"),
        ("a.npy", b"\x93NUMPY\1\0", "broken"),
        ("a.npz", b"PK\3\4broken", "is a broken .npz"),
        ("a.tif", b"II*\0\xff\xff\xff\xff", "TIFF"),
        ("a.tif", b"MM\0*", "is broken or cut short"),
    ],
)
def test_broken_files(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, words)


@pytest.mark.parametrize("ending", ["png", "tif", "npy", "npz", "mat", "gif", "webp"])
def test_files_cut_short(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    if ending in ("npy", "npz"):
        {"npy": np.save, "npz": np.savez}[ending](path, RGB)
    elif ending == "mat":
        savemat(path, {"x": RGB})
    else:
        Image.fromarray(RGB).save(path)
    whole = path.read_bytes()
    for size in (len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:size])
        refused(path, "")


def test_a_zip_whose_parts_lie_before_its_begin(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, RGB)
    whole = bytearray(path.read_bytes())
    whole[-6:-2] = (int.from_bytes(whole[-6:-2], "little") + 1).to_bytes(4, "little")
    path.write_bytes(whole)
    refused(path, "is broken")


def test_what_is_no_regular_file(tmp_path):
    refused(tmp_path, "is a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        refused(tmp_path / "pipe.png", "is a FIFO")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_image(tmp_path / "nowhere.png")
