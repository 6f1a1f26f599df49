"""Classic data sets, as NumPy arrays: `(x_train, y_train), (x_test, y_test) = load_data()`.

`digits` and `fashion_mnist.load_data(subset=True)` come with the package and need no network. The others are looked for
in the folder that the environment variable `DLCORE_DATA` names, then in the cache (`DLCORE_HOME` or `~/.dlcore`, folder
`datasets`), and are downloaded into the cache if they are in neither. `DLCORE_DATA` may hold:

    mnist.npz, or mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz
    fashion_mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz
    cifar-10-python.tar.gz, or cifar10/cifar10_small.npz
    boston_housing.npz, or regression/boston_housing.csv
    california_housing.npz, or regression/california_housing.csv.gz
    imdb.npz and imdb_word_index.json, or imdb/imdb_{train_8000,test_4000}.tsv.gz
"""

from . import boston_housing, california_housing, cifar10, digits, fashion_mnist, imdb, mnist

__all__ = ["boston_housing", "california_housing", "cifar10", "digits", "fashion_mnist", "imdb", "mnist"]
