using System.Globalization;
using Kaji.Store.Log;
using Microsoft.Data.Sqlite;

namespace Kaji.Store.Sqlite;

/// <summary>
/// The revision log in one SQLite file: a row a live key, its value as of its last write, in WAL mode with <c>synchronous=FULL</c>, so that a commit is
/// one sync of the WAL. History is not kept on disk: a reader that needs it after a restart gets 410 and lists again.
/// </summary>
/// <example>
/// <code>
/// entries: key TEXT PRIMARY KEY | revision | create_revision | value BLOB
/// meta:    schema = 1, revision = 4711      (revision also counts deletes, which leave no row)
/// </code>
/// </example>
internal sealed class SqliteLog(string file, IValueTransformer? transformer) : IRevisionLog
{
    private const int SchemaVersion = 1;
    private const int SqliteFull = 13;
    private const int SqliteCorrupt = 11;
    private const int SqliteNotADatabase = 26;
    private const int SqliteBusy = 5;

    private SqliteConnection? _connection;
    private SqliteCommand? _put;
    private SqliteCommand? _delete;
    private SqliteCommand? _revision;

    public long Open(Action<Entry> entry)
    {
        try
        {
            return OpenCore(entry);
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new StoreException(StoreFault.Unreadable, $"{file} can't be opened: {e.Message}", e);
        }
    }

    public void Append(IReadOnlyList<StoreEvent> batch)
    {
        try
        {
            using var transaction = _connection!.BeginTransaction();
            _put!.Transaction = _delete!.Transaction = _revision!.Transaction = transaction;
            foreach (var change in batch)
            {
                if (change.Kind == WriteKind.Delete)
                {
                    _delete.Parameters[0].Value = change.Entry.Key;
                    _delete.ExecuteNonQuery();
                    continue;
                }

                _put.Parameters[0].Value = change.Entry.Key;
                _put.Parameters[1].Value = change.Entry.Revision;
                _put.Parameters[2].Value = change.Entry.CreateRevision;
                _put.Parameters[3].Value = Bytes(change.Entry);
                _put.ExecuteNonQuery();
            }

            _revision.Parameters[0].Value = batch[^1].Entry.Revision;
            _revision.ExecuteNonQuery();
            transaction.Commit();
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
    }

    public void Dispose()
    {
        _put?.Dispose();
        _delete?.Dispose();
        _revision?.Dispose();
        _connection?.Dispose();
    }

    private long OpenCore(Action<Entry> entry)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 5 }.ToString());
        _connection.Open();
        Execute("PRAGMA locking_mode=EXCLUSIVE");
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=FULL");
        Execute("PRAGMA cache_size=-1024");
        Execute("PRAGMA mmap_size=0");
        Execute("PRAGMA journal_size_limit=16777216");
        CheckSchema();

        _put = Prepare("INSERT INTO entries(key, revision, create_revision, value) VALUES($k, $r, $c, $v) ON CONFLICT(key) DO UPDATE SET revision=$r, create_revision=$c, value=$v", "$k", "$r", "$c", "$v");
        _delete = Prepare("DELETE FROM entries WHERE key=$k", "$k");
        _revision = Prepare("UPDATE meta SET value=$r WHERE name='revision'", "$r");

        using var read = _connection.CreateCommand();
        read.CommandText = "SELECT key, revision, create_revision, value FROM entries ORDER BY key";
        using (var rows = read.ExecuteReader())
        {
            while (rows.Read())
            {
                var key = rows.GetString(0);
                ReadOnlyMemory<byte> value = rows.GetFieldValue<byte[]>(3);
                entry(new Entry(key, transformer?.FromDisk(key, value) ?? value, rows.GetInt64(1), rows.GetInt64(2)));
            }
        }

        return Scalar("SELECT value FROM meta WHERE name='revision'");
    }

    private void CheckSchema()
    {
        var version = Scalar("PRAGMA user_version");
        if (version > SchemaVersion)
        {
            throw new StoreException(StoreFault.NewerVersion, $"{file} was written by a newer Kaji (schema {version}; this one knows {SchemaVersion}). Upgrade Kaji.");
        }

        using var check = _connection!.CreateCommand();
        check.CommandText = "PRAGMA quick_check(1)";
        if (check.ExecuteScalar() as string is { } said && said != "ok")
        {
            throw Corrupt(said, null);
        }

        if (version == 0)
        {
            Execute("""
                BEGIN;
                CREATE TABLE entries(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, create_revision INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
                CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
                INSERT INTO meta VALUES('revision', 1);
                PRAGMA user_version=1;
                COMMIT;
                """);
        }
    }

    private byte[] Bytes(Entry entry)
    {
        var value = transformer?.ToDisk(entry.Key, entry.Value) ?? entry.Value;
        return System.Runtime.InteropServices.MemoryMarshal.TryGetArray(value, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : value.ToArray();
    }

    private SqliteCommand Prepare(string text, params string[] parameters)
    {
        var command = _connection!.CreateCommand();
        command.CommandText = text;
        foreach (var name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }

    private void Execute(string text)
    {
        using var command = _connection!.CreateCommand();
        command.CommandText = text;
        command.ExecuteNonQuery();
    }

    private long Scalar(string text)
    {
        using var command = _connection!.CreateCommand();
        command.CommandText = text;
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    private StoreException Translate(SqliteException e) => e.SqliteErrorCode switch
    {
        SqliteFull => new StoreException(StoreFault.Full, $"the disk of {file} is full: nothing was written. Free some space; writes go on then.", e),
        SqliteCorrupt or SqliteNotADatabase => Corrupt(e.Message, e),
        SqliteBusy => new StoreException(StoreFault.InUse, $"{file} is in use by another process.", e),
        _ => new StoreException(StoreFault.Unreadable, $"{file}: {e.Message}", e),
    };

    private StoreException Corrupt(string said, Exception? inner) =>
        new(StoreFault.Corrupt, $"{file} is damaged ({said}). It is left as it is: restore a backup of the directory, or move it away to start empty.", inner);
}
