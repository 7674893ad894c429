using System.Globalization;
using Kaji.Store.Log;
using Microsoft.Data.Sqlite;

namespace Kaji.Store.Sqlite;

/// <summary>
/// The revision log in one SQLite file: a row a live key, its value as of its last write, in WAL mode with <c>synchronous=FULL</c>, so that a commit is
/// one sync of the WAL. A write that takes the place of a version moves that into the history first, so that watches resume after a restart; creates cost nothing more.
/// </summary>
/// <example>
/// <code>
/// entries: key TEXT PRIMARY KEY | revision | create_revision | value BLOB
/// history: superseded_at PRIMARY KEY | key | revision | create_revision | value BLOB | deleted | final BLOB     (final: a delete's last state, when it isn't the value)
/// meta:    revision = 4711, compacted = 3000      (revision also counts deletes, which leave no entry)
/// </code>
/// </example>
internal sealed class SqliteLog(string file, IValueTransformer? transformer) : IRevisionLog
{
    private const int SchemaVersion = 2;
    private const int SqliteFull = 13;
    private const int SqliteCorrupt = 11;
    private const int SqliteNotADatabase = 26;
    private const int SqliteBusy = 5;

    private SqliteConnection? _connection;
    private SqliteCommand? _put;
    private SqliteCommand? _delete;
    private SqliteCommand? _supersede;
    private SqliteCommand? _position;
    private SqliteCommand? _forget;
    private long _forgotten;

    public LogPosition Open(Action<Entry> live, Action<Superseded> superseded)
    {
        try
        {
            return OpenCore(live, superseded);
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

    public void Append(IReadOnlyList<StoreEvent> batch, long compacted)
    {
        try
        {
            using var transaction = _connection!.BeginTransaction();
            _put!.Transaction = _delete!.Transaction = _supersede!.Transaction = _position!.Transaction = _forget!.Transaction = transaction;
            foreach (var change in batch)
            {
                if (change.Previous is not null)
                {
                    Supersede(change);
                }

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

            if (compacted > _forgotten)
            {
                _forget.Parameters[0].Value = compacted;
                _forget.ExecuteNonQuery();
            }

            _position.Parameters[0].Value = batch[^1].Entry.Revision;
            _position.Parameters[1].Value = compacted;
            _position.ExecuteNonQuery();
            transaction.Commit();
            _forgotten = compacted;
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
        _supersede?.Dispose();
        _position?.Dispose();
        _forget?.Dispose();
        _connection?.Dispose();
    }

    private void Supersede(StoreEvent change)
    {
        var deleted = change.Kind == WriteKind.Delete;
        _supersede!.Parameters[0].Value = change.Entry.Revision;
        _supersede.Parameters[1].Value = change.Entry.Key;
        _supersede.Parameters[2].Value = deleted ? 1 : 0;
        _supersede.Parameters[3].Value = deleted && !change.Entry.Value.Equals(change.Previous!.Value) ? Bytes(change.Entry) : DBNull.Value;
        _supersede.ExecuteNonQuery();
    }

    private LogPosition OpenCore(Action<Entry> live, Action<Superseded> superseded)
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
        _supersede = Prepare("INSERT INTO history SELECT $at, key, revision, create_revision, value, $deleted, $final FROM entries WHERE key=$k", "$at", "$k", "$deleted", "$final");
        _position = Prepare("UPDATE meta SET value=CASE name WHEN 'revision' THEN $r ELSE $c END", "$r", "$c");
        _forget = Prepare("DELETE FROM history WHERE superseded_at<=$c", "$c");

        using var read = _connection.CreateCommand();
        read.CommandText = "SELECT key, revision, create_revision, value FROM entries ORDER BY key";
        using (var rows = read.ExecuteReader())
        {
            while (rows.Read())
            {
                live(Row(rows));
            }
        }

        read.CommandText = "SELECT key, revision, create_revision, value, superseded_at, deleted, final FROM history ORDER BY superseded_at";
        using (var rows = read.ExecuteReader())
        {
            while (rows.Read())
            {
                var entry = Row(rows);
                var at = rows.GetInt64(4);
                var final = rows.GetInt64(5) == 0 ? null : entry with { Revision = at, Value = rows.IsDBNull(6) ? entry.Value : Value(entry.Key, rows.GetFieldValue<byte[]>(6)) };
                superseded(new Superseded(entry, at, final));
            }
        }

        _forgotten = Scalar("SELECT value FROM meta WHERE name='compacted'");
        return new LogPosition(Scalar("SELECT value FROM meta WHERE name='revision'"), _forgotten);
    }

    private Entry Row(SqliteDataReader row)
    {
        var key = row.GetString(0);
        return new Entry(key, Value(key, row.GetFieldValue<byte[]>(3)), row.GetInt64(1), row.GetInt64(2));
    }

    private ReadOnlyMemory<byte> Value(string key, byte[] stored) => transformer?.FromDisk(key, stored) ?? stored;

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
                CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, create_revision INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
                INSERT OR IGNORE INTO meta VALUES('revision', 1);
                COMMIT;
                """);
        }

        if (version < SchemaVersion)
        {
            Execute("""
                BEGIN;
                CREATE TABLE history(superseded_at INTEGER PRIMARY KEY, key TEXT NOT NULL, revision INTEGER NOT NULL, create_revision INTEGER NOT NULL, value BLOB NOT NULL, deleted INTEGER NOT NULL, final BLOB);
                INSERT INTO meta SELECT 'compacted', value FROM meta WHERE name='revision';
                PRAGMA user_version=2;
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
