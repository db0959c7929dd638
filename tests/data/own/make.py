"""Makes the files beside it: data sets as scikit-learn, numpy and Pillow write them, and what numpy says is in them.

numpy 2.4.6, scikit-learn 1.9.1, Pillow 13.0.0; run in this folder. The flowers are Fisher's iris data (public domain), as
scikit-learn has them; everything else is counted or drawn here.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_iris

iris = load_iris()
names = ["sepal length", "sepal width", "petal length", "petal width", "species"]
with open("iris.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(names)
    for row, label in zip(iris.data, iris.target):
        writer.writerow([*row, iris.target_names[label]])
with open("iris_semicolon.csv", "w", newline="") as file:
    writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL)
    for row, label in zip(iris.data[::10], iris.target[::10]):
        writer.writerow([label, *row])

pictures = np.arange(6 * 4 * 5 * 3, dtype=np.uint8).reshape(6, 4, 5, 3)
labels = np.array([3, 1, 3, 1, 3, 1], dtype=np.int64)
np.savez("pictures.npz", x=pictures, y=labels)
np.savez_compressed("keras.npz", x_train=pictures[:4], y_train=labels[:4], x_test=pictures[4:], y_test=labels[4:])
np.save("nchw_f4.npy", pictures.transpose(0, 3, 1, 2).astype("<f4"))
np.save("nchw_fortran_be_f8.npy", np.asfortranarray(pictures.transpose(0, 3, 1, 2)).astype(">f8", order="F"))
np.save("words.npy", np.array(["dog", "cat", "dog", "cat", "dog", "cat"]))
np.save("bytes.npy", np.array([b"dog", b"cat", b"dog", b"cat", b"dog", b"cat"]))
for name in ["|b1", "|i1", "|u1", "<i2", ">i2", "<u2", ">u4", "<i4", ">i8", "<u8", "<f2", ">f2", ">f4", "<f8"]:
    values = np.array([[0, 1], [1, 0], [1, 1]]) if name == "|b1" else np.array([[0, 7], [100, 3], [5, 120]])
    np.save(f"type_{'be' if name[0] == '>' else 'le'}_{name[1:]}.npy", values.astype(name))

for folder, colour in [("red", (220, 30, 20)), ("blue", (10, 40, 230))]:
    place = Path("colours") / folder
    place.mkdir(parents=True, exist_ok=True)
    for number in range(6):
        drawn = np.zeros((12, 16, 3), dtype=np.uint8)
        drawn[2:10, 2 + number : 8 + number] = np.clip(np.array(colour) + 4 * number, 0, 255)
        Image.fromarray(drawn).save(place / (f"{number}.jpg" if number == 5 else f"{number}.png"))
