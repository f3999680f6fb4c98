using System.Collections;

namespace Grpc.Core;

/// <summary>Headers or trailers of a call: an ordered list in which a key may stand more than once.</summary>
/// <remarks>
/// A key ending in <see cref="BinaryHeaderSuffix"/> has a binary value, which travels as base64; all others have a text
/// value of printable ASCII.
/// </remarks>
public sealed partial class Metadata : IList<Metadata.Entry>
{
    /// <summary>How the key of a binary value ends: <c>-bin</c>.</summary>
    public const string BinaryHeaderSuffix = "-bin";

    /// <summary>No entries; read-only.</summary>
    public static readonly Metadata Empty = new(readOnly: true);

    private readonly List<Entry> _entries = [];

    /// <summary>Makes an empty list that can be filled.</summary>
    public Metadata()
    {
    }

    private Metadata(bool readOnly) => IsReadOnly = readOnly;

    /// <summary>The number of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Whether every change is refused; so it is with <see cref="Empty"/> only.</summary>
    public bool IsReadOnly { get; }

    /// <summary>The entry at a place, counted from 0.</summary>
    /// <param name="index">The place, 0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such place.</exception>
    /// <exception cref="ArgumentNullException">The new entry is null.</exception>
    /// <exception cref="InvalidOperationException">Set on a read-only list.</exception>
    public Entry this[int index]
    {
        get => _entries[index];
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            ThrowIfReadOnly();
            _entries[index] = value;
        }
    }

    /// <summary>The last entry with a key.</summary>
    /// <param name="key">The key in lower case, as entries keep it.</param>
    /// <returns>The entry, or null when there is none.</returns>
    public Entry? Get(string key)
    {
        for (var i = _entries.Count - 1; i >= 0; i--)
        {
            if (_entries[i].Key == key)
            {
                return _entries[i];
            }
        }

        return null;
    }

    /// <summary>The text value of the last entry with a key.</summary>
    /// <param name="key">The key in lower case.</param>
    /// <returns>The value, or null when there is none.</returns>
    /// <exception cref="InvalidOperationException">The entry is binary.</exception>
    public string? GetValue(string key) => Get(key)?.Value;

    /// <summary>The value of the last entry with a key as bytes.</summary>
    /// <param name="key">The key in lower case.</param>
    /// <returns>A copy of the value (the ASCII bytes of a text value), or null when there is none.</returns>
    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    /// <summary>All entries with a key, in order.</summary>
    /// <param name="key">The key in lower case.</param>
    /// <returns>The entries, found while they are enumerated.</returns>
    public IEnumerable<Entry> GetAll(string key)
    {
        foreach (var entry in _entries)
        {
            if (entry.Key == key)
            {
                yield return entry;
            }
        }
    }

    /// <summary>Appends an entry.</summary>
    /// <param name="item">The entry.</param>
    /// <exception cref="ArgumentNullException"><paramref name="item"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Add(Entry item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ThrowIfReadOnly();
        _entries.Add(item);
    }

    /// <summary>Appends a text value.</summary>
    /// <param name="key">The key; see <see cref="Entry(string, string)"/>.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">The key is not valid, or ends in <c>-bin</c>.</exception>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Add(string key, string value) => Add(new Entry(key, value));

    /// <summary>Appends a binary value.</summary>
    /// <param name="key">The key; see <see cref="Entry(string, byte[])"/>.</param>
    /// <param name="valueBytes">The value; it is copied.</param>
    /// <exception cref="ArgumentException">The key is not valid, or does not end in <c>-bin</c>.</exception>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Add(string key, byte[] valueBytes) => Add(new Entry(key, valueBytes));

    /// <summary>Puts an entry before the one at a place.</summary>
    /// <param name="index">The place, 0 to <see cref="Count"/>.</param>
    /// <param name="item">The entry.</param>
    /// <exception cref="ArgumentNullException"><paramref name="item"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such place.</exception>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Insert(int index, Entry item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ThrowIfReadOnly();
        _entries.Insert(index, item);
    }

    /// <summary>Removes this very entry object, once.</summary>
    /// <param name="item">The entry.</param>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public bool Remove(Entry item)
    {
        ThrowIfReadOnly();
        return _entries.Remove(item);
    }

    /// <summary>Removes the entry at a place.</summary>
    /// <param name="index">The place, 0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such place.</exception>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void RemoveAt(int index)
    {
        ThrowIfReadOnly();
        _entries.RemoveAt(index);
    }

    /// <summary>Removes all entries.</summary>
    /// <exception cref="InvalidOperationException">The list is read-only.</exception>
    public void Clear()
    {
        ThrowIfReadOnly();
        _entries.Clear();
    }

    /// <summary>Whether this very entry object is in the list.</summary>
    /// <param name="item">The entry.</param>
    /// <returns>True when it is.</returns>
    public bool Contains(Entry item) => _entries.Contains(item);

    /// <summary>The place of this very entry object.</summary>
    /// <param name="item">The entry.</param>
    /// <returns>The place from 0, or -1.</returns>
    public int IndexOf(Entry item) => _entries.IndexOf(item);

    /// <summary>Copies the entries into an array.</summary>
    /// <param name="array">The array.</param>
    /// <param name="arrayIndex">Where the first entry goes.</param>
    /// <exception cref="ArgumentException">The array is too short.</exception>
    public void CopyTo(Entry[] array, int arrayIndex) => _entries.CopyTo(array, arrayIndex);

    /// <summary>Enumerates the entries in order.</summary>
    /// <returns>The enumerator.</returns>
    public IEnumerator<Entry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void ThrowIfReadOnly()
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("This metadata is read-only; make a new Metadata() to add to.");
        }
    }
}
